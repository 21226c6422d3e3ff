"""From one mask to the named, measured spine (src/analysis/spine_reading.rs)."""

from dataclasses import dataclass

import numpy as np

from . import chain, measure, names
from .chain import MIN_BODIES, SACRUM_SHARE, NoSpine
from .frame import Frame
from .parts import assemble

POSSIBLE_MM, USUAL_MM = ((8.0, 46.0), (10.0, 62.0)), ((17.0, 36.0), (21.0, 48.0))


class ImpossibleSize(NoSpine):
    code = "size-impossible"


@dataclass
class Spine:
    """`vertebrae` and `levels` are dicts, foot to head, as a report has them."""

    curve_lps_mm: np.ndarray
    residual_mm: float
    rejected: int
    vertebrae: list
    levels: list
    lumbar: dict
    quality: list
    semantic: np.ndarray
    part_of: np.ndarray


def read(volume, mask):
    frame = Frame(volume)
    found = chain.find(frame, mask)
    bodies = found.bodies()
    unusual = weigh_size(bodies)
    naming = names.designate(bodies, found.gaps())
    if len(naming.vertebrae) < MIN_BODIES:
        raise NoSpine("fewer than 3 vertebral bodies follow one another")
    parts = assemble(found, naming.first, naming.bridged, naming.vertebrae[0].name is None, mask)
    shapes = measure.Shapes(parts)
    vertebrae = [
        {"name": n.name, "ordinal_from_below": i + 1, "confidence": n.confidence, "centre_lps_mm": frame.to_lps(parts.bodies[i].centre_mm), "measurements": measure.vertebra(shapes, i)}
        for i, n in enumerate(naming.vertebrae)
    ]
    levels = [level_of(parts, shapes, naming, i) for i in range(len(parts.discs))]
    quality = naming.quality + ["size-unusual"] * unusual + ["parts-rejected"] * bool(parts.rejected)
    lumbar = {"measurements": measure.lumbar(shapes, naming.vertebrae)}
    return Spine(frame.to_lps(parts.curve.points()), parts.curve.residual_mm, parts.rejected, vertebrae, levels, lumbar, quality, parts.semantic, parts.part_of)


def level_of(parts, shapes, naming, i):
    part, (centre, directions, extent, _) = parts.discs[i], shapes.discs[i]
    named = names.Named(None, 0.0) if part.lower is None else naming.discs_above(part.lower)[part.place]
    nearby = max(parts.bodies[k].depth_mm for k in (part.lower, part.upper) if k is not None)
    plane = {
        "centre_lps_mm": parts.frame.to_lps(centre), "normal_lps": parts.frame.direction_to_lps(directions[0]),
        "anterior_lps": parts.frame.direction_to_lps(-directions[1]), "depth_mm": extent[1] - extent[0] if extent else nearby,
    }
    return {
        "name": named.name, "ordinal_from_below": i + 1, "confidence": named.confidence, "plane": plane,
        "measurements": measure.level(shapes, i), "axial": [], "grades": [], "ungraded": [],
    }


def weigh_size(bodies):
    """Whether the bodies are of an unusual size."""
    whole = [b for b in bodies if not b["at_edge"] and b["sacrum_share"] <= SACRUM_SHARE]
    if not whole:
        return False
    sizes = [np.median([b[k] for b in whole]) for k in ("height_mm", "depth_mm")]
    within = lambda ranges: all(low <= size <= high for size, (low, high) in zip(sizes, ranges))
    if not within(POSSIBLE_MM):
        raise ImpossibleSize("vertebral bodies of a size that nobody's have")
    return not within(USUAL_MM)
