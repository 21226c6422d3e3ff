"""Every part of the chain gets its number and its centre; the rest becomes background (src/analysis/parts/assemble.rs, centre.rs)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage
from segmentation import BODY, CANAL, DISC, POSTERIOR, SACRUM

from .chain import MIN_DISC_MM2, SACRUM_SHARE, NoSpine
from .curve import Curve

CANAL_BEHIND_MM = (3.0, 55.0)
COUNTED_MM2 = max(40.0, MIN_DISC_MM2)
CUT_SHARE, REACH_MM, BESIDE_CANAL_MM = 0.3, 5.0, 6.0


@dataclass
class Body:
    number: int
    centre_mm: np.ndarray
    height_mm: float
    depth_mm: float
    at_edge: bool


@dataclass
class Disc:
    number: int  # None where no disc was segmented
    centre_mm: np.ndarray
    lower: int
    upper: int
    place: int


@dataclass
class Parts:
    frame: object
    bodies: list
    discs: list
    canal: int
    curve: Curve
    structures: list  # of the numbers from 1 on
    part_of: np.ndarray
    semantic: np.ndarray
    rejected: int

    @cached_property
    def boxes(self):
        """Slices, rows and columns of each part."""
        return ndimage.find_objects(self.part_of)


class Numbering:
    def __init__(self, count):
        self.structures, self.of_piece = [], np.zeros(count, np.int32)

    def give(self, structure, pieces):
        if not pieces:
            return None
        self.structures.append(structure)
        self.of_piece[pieces] = len(self.structures)
        return len(self.structures)


def in_plane(frame, pieces, z_mm):
    """The centre of the pieces, weighted towards the sagittal plane at `z_mm`; None where none is near."""
    gap = np.array([frame.gap_mm(p.slice) for p in pieces])
    reach = np.where(np.isfinite(gap), np.maximum(gap, REACH_MM), np.inf)
    away = np.abs(np.array([frame.z[p.slice] for p in pieces]) - z_mm)
    weights = np.maximum(1 - away / reach, 0) * [p.area_mm2 for p in pieces]
    if weights.sum() <= 0:
        return None
    return np.array([*np.average([p.centre_mm for p in pieces], axis=0, weights=weights), z_mm])


def lateral_mm(frame, pieces, canal):
    """Where the pieces' middle lies sideways: by their width where all of it is in view, never far from the canal."""
    areas = np.bincount([p.slice for p in pieces], [p.area_mm2 for p in pieces], len(frame.z))
    own = float(areas @ frame.z / areas.sum())
    if canal.is_empty:
        return own
    behind = float(canal.lateral_mm(np.average([p.centre_mm[1] for p in pieces], weights=[p.area_mm2 for p in pieces])))
    whole = max(areas[0], areas[-1]) < CUT_SHARE * areas.max()
    return float(np.clip(own, behind - BESIDE_CANAL_MM, behind + BESIDE_CANAL_MM)) if whole else behind


def assemble(chain, first, bridged, below, mask):
    """From body `first` up; `bridged` says of each gap whether a vertebra was lost in it, `below` whether a disc below the lowest body is kept."""
    frame, members = chain.frame, range(first, len(chain.members))
    numbering = Numbering(len(chain.pieces))
    pieces_of = lambda numbers: [chain.pieces[i] for i in numbers]
    of_body = lambda i: [p for m in chain.members[i] for p in chain.candidates[m].members]
    try:
        rough = Curve([chain.body(i).centre_mm for i in members])
        if not chain.canal.is_empty:
            chain.canal.find_path(frame, float(np.mean([chain.body(i).centre_mm[2] for i in members])))
        canal = canal_pieces(chain, rough)
        midline = Curve([(*chain.body(i).centre_mm[:2], lateral_mm(frame, pieces_of(of_body(i)), chain.canal)) for i in members])
        z_at = lambda at: midline.at(midline.nearest_mm(at))[2]
        bodies = []
        for i in members:
            body, up, own = chain.body(i), chain.places.ups[i], of_body(i)
            number = numbering.give(SACRUM if body.sacrum_share > SACRUM_SHARE else BODY, own)
            centre = in_plane(frame, pieces_of(own), z_at(body.centre_mm))
            bodies.append(Body(number, body.centre_mm if centre is None else centre, body.extent_mm(up), body.extent_mm((-up[1], up[0])), body.at_edge))
        discs = number_discs(chain, first, bridged, below, z_at, bodies, numbering)
        curve = Curve(centres(bodies, discs))
    except ValueError as error:
        raise NoSpine(str(error)) from error
    canal = numbering.give(CANAL, canal)
    if chain.cut_above is not None:
        numbering.give(BODY, chain.candidates[chain.cut_above].members)
    number_posterior(chain, first, numbering)
    rejected = int(sum(c.area_mm2 >= COUNTED_MM2 and not numbering.of_piece[c.members].any() for c in chain.candidates))
    part_of, semantic = renumbered(chain, numbering, mask)
    return Parts(frame, bodies, discs, canal, curve, numbering.structures, part_of, semantic, rejected)


def canal_pieces(chain, curve):
    found = []
    for c in (c for c in chain.candidates if c.structure == CANAL):
        s = curve.nearest_mm(c.centre_mm)
        behind = (c.centre_mm - curve.at(s)) @ curve.directions(s)[1]
        if CANAL_BEHIND_MM[0] <= behind <= CANAL_BEHIND_MM[1]:
            found += [p for p in c.members if chain.canal.on_path(p)]
    return found


def number_discs(chain, first, bridged, below, z_at, bodies, numbering):
    discs = []
    for space in range(0 if below else 1, len(bodies) + 1):
        lower, upper = (space - 1 if space else None), (space if space < len(bodies) else None)
        lost = space > 0 and space - 1 < len(bridged) and bridged[space - 1]
        for place in range(1 + lost):
            fits = lambda at, along: at == space + first and (not lost or (place == 1) == (along > 0.5))
            own = [p for c, at, along in chain.discs if fits(at, along) for p in chain.candidates[c].members]
            number = numbering.give(DISC, own)
            if number:
                pieces = [chain.pieces[p] for p in own]
                largest = max(pieces, key=lambda p: p.area_mm2)
                about = np.array([*largest.centre_mm, chain.frame.z[largest.slice]])
                centre = in_plane(chain.frame, pieces, z_at(about))
                centre = about if centre is None else centre
            elif lower is not None and upper is not None and not lost:
                centre = (bodies[lower].centre_mm + bodies[upper].centre_mm) / 2
            else:
                continue
            discs.append(Disc(number, centre, lower, upper, place))
    return discs


def number_posterior(chain, first, numbering):
    by_body = [[] for _ in chain.members]
    for i, p in enumerate(chain.pieces):
        body = chain.places.posterior_of(p.centre_mm) if p.structure == POSTERIOR else None
        if body is not None:
            by_body[body].append(i)
    for own in by_body[first:]:
        numbering.give(POSTERIOR, own)


def centres(bodies, discs):
    """Of bodies and segmented discs, in order along the chain."""
    found = []
    for space in range(len(bodies) + 1):
        lower, upper = (space - 1 if space else None), (space if space < len(bodies) else None)
        found += [bodies[lower].centre_mm] if lower is not None else []
        found += [d.centre_mm for d in discs if d.number and (d.lower, d.upper) == (lower, upper)]
    return found


def renumbered(chain, numbering, mask):
    part_of = np.zeros(mask.shape, np.uint8)
    largest = int(chain.labels.max()) + 1
    tables = np.zeros((len(mask), largest), np.uint8)
    for p, number in zip(chain.pieces, numbering.of_piece):
        tables[p.slice, p.label] = number
    for k, table in enumerate(tables):
        part_of[k] = table[chain.labels[k]]
    return part_of, np.array([0, *numbering.structures], np.uint8)[part_of]
