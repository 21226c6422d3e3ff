"""Pieces joined across slices, and the chain of bodies beside one canal (src/analysis/parts: link, canal, chain, places, profile, mod)."""

from dataclasses import dataclass, field

import numpy as np
from segmentation import BODY, CANAL, DISC

from . import pieces as slicewise

MIN_OVERLAP, TYPICAL_RANK, CENTRAL, EDGE_SHARE = 0.3, 4, (0.6, 1.45), 0.2
MIN_BODIES = 3
FRAGMENT_ALONG, FRAGMENT_ACROSS = 0.5, 0.65
MIN_DISC_MM2, MIN_END_DISC_MM2 = 30.0, 100.0
TWO_DISCS_APART, HALF_IN_VIEW = 0.25, 0.5
SACRUM_SHARE = 0.5

MIN_PIECE_MM2, OUTLINE_STEP_MM, ALONGSIDE_MM, LATERAL_MM = 40.0, 2.0, (7.0, 33.0), 15.0
BAND_MM, HALF_WIDTH_MM, PATH_MARGIN_MM, JUMP_COST, ASTRAY_COST = 8.0, 10.0, 4.0, 2.0, 0.1

MAX_CANDIDATES, BODY_AREA_MM2, FULL_AREA_MM2, NODE_COST = 64, (90.0, 3000.0), 500.0, 0.15
CANAL_ALONGSIDE, CANAL_ASTRAY, DISC_BETWEEN, SACRUM_LOWEST, SACRUM_ABOVE_BODY = 0.4, -0.8, 0.3, 0.3, -1.0
SHORT_STEP, LONG_STEP, STEP_MM, USUAL_STEP_MM = -0.6, -0.7, (13.0, 95.0), (18.0, 50.0)
MIN_RISE, MAX_SIDEWAYS_MM = 0.31, 28.0
BEND_DEG, SACRAL_BEND_DEG, BEND_COST, MAX_BEND_DEG = 28.0, 45.0, 0.6, 68.0
BETWEEN_ALONG, BETWEEN_ACROSS_MM = 0.28, 18.0

DISC_ALONG, DISC_ACROSS_MM = (0.1, 0.9), 28.0
POSTERIOR_DROP_MM, POSTERIOR_BEHIND_MM = 10.0, (5.0, 95.0)
LEAST_HALF = 0.02


class NoSpine(Exception):
    """The mask shows no spine; `code` says why, as in a report."""

    code = "no-spine"


@dataclass
class Candidate:
    structure: int
    members: list  # of all pieces, by number
    area_mm2: float
    centre_mm: np.ndarray
    variance_mm2: np.ndarray
    sacrum_share: float
    at_edge: bool

    def extent_mm(self, direction):
        xx, xy, yy = self.variance_mm2
        x, y = direction
        return float(np.sqrt(12 * max(xx * x * x + 2 * xy * x * y + yy * y * y, 0)))


def candidate(members, pieces, frame):
    own = [pieces[i] for i in members]
    areas = np.array([p.area_mm2 for p in own])
    area = np.sort(areas)[::-1][len(areas) // TYPICAL_RANK]
    central = [p for p in own if CENTRAL[0] <= p.area_mm2 / area <= CENTRAL[1]]
    weights = np.array([p.area_mm2 for p in central])
    mean = lambda values: np.average(np.array(values, float), axis=0, weights=weights)
    centre = mean([(*p.centre_mm, frame.z[p.slice]) for p in central])
    sacrum = float(np.average([p.sacrum_share for p in own], weights=areas))
    return Candidate(own[0].structure, members, area, centre, mean([p.variance_mm2 for p in central]), sacrum, bool(mean([p.at_edge for p in central]) >= EDGE_SHARE))


def candidates(frame, by_slice, pieces, labels):
    """Of every structure, the largest first: pieces of neighbouring slices that are each other's best overlap are one."""
    first = np.cumsum([0] + [len(of) for of in by_slice])
    parents = list(range(len(pieces)))

    def root(i):
        while parents[i] != i:
            i = parents[i]
        return i

    for k in range(1, len(by_slice)):
        below, here = by_slice[k - 1], by_slice[k]
        if not below or not here:
            continue
        a, b = labels[k - 1], labels[k]
        both = (a != 0) & (b != 0)
        width = int(b.max()) + 1
        counts = np.bincount(a[both] * width + b[both], minlength=(int(a.max()) + 1) * width).reshape(-1, width)
        shared = counts[np.ix_([p.label for p in below], [p.label for p in here])]
        shared = shared * (np.array([p.structure for p in below])[:, None] == np.array([p.structure for p in here]))
        forth, back = shared.argmax(1), shared.argmax(0)
        for i, j in enumerate(forth):
            smaller = min(below[i].area_mm2, here[j].area_mm2)
            if back[j] == i and shared[i, j] * frame.pixel_mm2 >= MIN_OVERLAP * smaller:
                one, other = sorted((root(first[k - 1] + i), root(first[k] + j)))
                parents[other] = one
    joined = {}
    for i in range(len(pieces)):
        joined.setdefault(root(i), []).append(i)
    return sorted((candidate(m, pieces, frame) for m in joined.values()), key=lambda c: -c.area_mm2)


class Canal:
    """The front of the canal, row by row and slice by slice."""

    def __init__(self, frame, pieces, labels):
        step = max(int(OUTLINE_STEP_MM / frame.spacing_mm[0] + 0.5), 1)
        front, width, of, slices = [], [], [], []
        for i, p in enumerate(pieces):
            if p.structure != CANAL or p.area_mm2 < MIN_PIECE_MM2:
                continue
            inside = labels[p.slice][p.box][::step] == p.label
            rows = np.flatnonzero(inside.any(1))
            first, last = inside[rows].argmax(1), inside.shape[1] - 1 - inside[rows, ::-1].argmax(1)
            front.append(frame.at_pixel(p.box[1].start + first - 0.5, p.box[0].start + rows * step, p.slice))
            width.append((last - first + 1) * frame.spacing_mm[1])
            of.append(np.full(len(rows), i))
            slices.append(np.full(len(rows), p.slice))
        self.is_empty = not front
        if front:
            self.front, self.width, self.of, self.slice = map(np.concatenate, (front, width, of, slices))

    def alongside(self, at):
        """Whether a place lies in front of the canal at a body's distance; None where no canal was segmented."""
        if self.is_empty:
            return None
        ahead = (np.abs(self.front[:, 2] - at[2]) <= LATERAL_MM) & (self.front[:, 0] > at[0])
        away = np.hypot(self.front[ahead, 0] - at[0], self.front[ahead, 1] - at[1])
        return bool(len(away) and ALONGSIDE_MM[0] <= away.min() <= ALONGSIDE_MM[1])

    def find_path(self, frame, z_mm):
        """Follows the canal sideways from its highest piece to its lowest."""
        self.top = self.front[:, 1].min()
        band = ((self.front[:, 1] - self.top) / BAND_MM).astype(int)
        areas = np.zeros((band.max() + 1, len(frame.z)))
        gap = np.array([g if np.isfinite(g) else 1.0 for g in map(frame.gap_mm, range(len(frame.z)))])
        np.add.at(areas, (band, self.slice), self.width * OUTLINE_STEP_MM / BAND_MM * gap[self.slice])
        apart = frame.z[:, None] - frame.z
        near = (np.abs(apart) <= HALF_WIDTH_MM).astype(float)
        scores = areas @ near - ASTRAY_COST * (frame.z - z_mm) ** 2
        best, before = scores[0], []
        for row in scores[1:]:
            reached = best[:, None] - JUMP_COST * apart**2
            before.append(reached.argmax(0))
            best = row + reached.max(0)
        way = [int(best.argmax())]
        for came in reversed(before):
            way.append(int(came[way[-1]]))
        weight = areas * near[way[::-1]]
        total = weight.sum(1)
        self.middles = np.where(total > 0, (weight @ frame.z) / np.where(total > 0, total, 1), frame.z[way[::-1]])

    def lateral_mm(self, y_mm):
        return np.interp((np.asarray(y_mm) - self.top) / BAND_MM - 0.5, np.arange(len(self.middles)), self.middles)

    def on_path(self, piece):
        mine = self.of == piece
        near = np.abs(self.front[mine, 2] - self.lateral_mm(self.front[mine, 1])) <= HALF_WIDTH_MM + PATH_MARGIN_MM
        return 2 * near.sum() > mine.sum()


def best_path(found, pieces, canal):
    """Numbers of the candidates on the worthiest way, from foot to head."""
    is_body = lambda c: c.structure == BODY and BODY_AREA_MM2[0] <= c.area_mm2 <= BODY_AREA_MM2[1]
    order = [i for i, c in enumerate(found) if is_body(c)][:MAX_CANDIDATES]
    order.sort(key=lambda i: -found[i].centre_mm[1])
    nodes = [found[i] for i in order]
    if len(nodes) < 2:
        return []
    beside = {True: CANAL_ALONGSIDE, False: CANAL_ASTRAY, None: 0.0}
    worth = np.array([min(n.area_mm2 / FULL_AREA_MM2, 1) + beside[canal.alongside(n.centre_mm)] - NODE_COST for n in nodes])
    sacral = np.array([n.sacrum_share > SACRUM_SHARE for n in nodes])
    at = np.array([n.centre_mm for n in nodes])
    discs = np.array([p.centre_mm for p in pieces if p.structure == DISC and p.area_mm2 >= MIN_DISC_MM2]).reshape(-1, 2)
    step, possible = step_worth(at, sacral, discs)
    way = at[None, :, :2] - at[:, None, :2]
    lengths = np.maximum(np.linalg.norm(way, axis=2), 1e-9)
    headings = way / lengths[..., None]
    count = len(nodes)
    endings, before = np.full((count, count), -np.inf), np.full((count, count), -1)
    start = worth + SACRUM_LOWEST * sacral
    for j in range(count):
        for i in np.flatnonzero(possible[:j, j]):
            best, came = start[i], -1
            bends = np.degrees(np.arccos(np.clip(headings[:i, i] @ headings[i, j], -1, 1)))
            free = np.where(sacral[:i], SACRAL_BEND_DEG, BEND_DEG)
            reached = np.where(bends <= MAX_BEND_DEG, endings[:i, i] - BEND_COST * (bends / free) ** 2, -np.inf)
            if i and reached.max() > best:
                best, came = reached.max(), int(reached.argmax())
            endings[i, j], before[i, j] = best + step[i, j] + worth[j], came
    if not np.isfinite(endings).any():
        return []
    i, j = np.unravel_index(endings.argmax(), endings.shape)
    path = [j, i]
    while before[i, j] >= 0:
        i, j = before[i, j], i
        path.append(i)
    return [order[n] for n in reversed(path)]


def step_worth(at, sacral, discs):
    """[from, to] what speaks for each step upwards, and whether it can be one."""
    way = at[None] - at[:, None]
    length = np.hypot(way[..., 0], way[..., 1])
    possible = (length >= STEP_MM[0]) & (length <= STEP_MM[1]) & (-way[..., 1] >= MIN_RISE * length) & (np.abs(way[..., 2]) <= MAX_SIDEWAYS_MM)
    worth = np.where(length < USUAL_STEP_MM[0], SHORT_STEP, np.where(length > USUAL_STEP_MM[1], LONG_STEP, 0.0))
    worth += SACRUM_ABOVE_BODY * (sacral[None] & ~sacral[:, None])
    away = discs[None, None] - at[:, None, None, :2]
    squared = np.maximum(length**2, 1e-9)[..., None]
    along = (away * way[:, :, None, :2]).sum(-1) / squared
    across = np.abs(away[..., 0] * way[:, :, None, 1] - away[..., 1] * way[:, :, None, 0]) / np.sqrt(squared)
    worth += DISC_BETWEEN * ((np.abs(along - 0.5) <= BETWEEN_ALONG) & (across <= BETWEEN_ACROSS_MM)).any(-1)
    return worth, possible


class Places:
    """Where a piece belongs along the chain."""

    def __init__(self, centres):
        flat = np.array(centres)[:, :2]
        self.pitch = float(np.median(np.linalg.norm(np.diff(flat, axis=0), axis=1)))
        beyond = lambda a, b: b + (b - a) / np.linalg.norm(b - a) * self.pitch
        self.points = np.concatenate([[beyond(flat[1], flat[0])], flat, [beyond(flat[-2], flat[-1])]])
        ups = self.points[2:] - self.points[:-2]
        self.ups = ups / np.linalg.norm(ups, axis=1, keepdims=True)

    def space_of(self, at):
        """(space, share along it), or None."""
        way = np.diff(self.points, axis=0)
        length = np.linalg.norm(way, axis=1)
        away, up = at[:2] - self.points[:-1], way / length[:, None]
        along = (away * up).sum(1) / length
        across = np.abs(away[:, 0] * up[:, 1] - away[:, 1] * up[:, 0])
        fits = (along >= DISC_ALONG[0]) & (along <= DISC_ALONG[1]) & (across <= DISC_ACROSS_MM)
        if not fits.any():
            return None
        space = int(np.where(fits, np.abs(along - 0.5) * length + across, np.inf).argmin())
        return space, float(along[space])

    def posterior_of(self, at):
        away = at - self.points[1:-1]
        drop = np.abs((away * self.ups).sum(1) + POSTERIOR_DROP_MM)
        body = int(drop.argmin())
        behind = away[body, 1] * self.ups[body, 0] - away[body, 0] * self.ups[body, 1]
        return body if drop[body] <= self.pitch and POSTERIOR_BEHIND_MM[0] <= behind <= POSTERIOR_BEHIND_MM[1] else None


@dataclass
class Chain:
    frame: object
    labels: np.ndarray
    pieces: list
    candidates: list
    members: list  # for each body, foot to head: itself, then its fragments
    cut_above: int
    canal: Canal
    places: Places
    discs: list = field(default_factory=list)  # (candidate, space, along)

    def body(self, i):
        return self.candidates[self.members[i][0]]

    def bodies(self):
        """As models/training/levels describes them."""
        rows, row_mm = self.frame.shape[0], self.frame.spacing_mm[0]
        found = []
        for i in range(len(self.members)):
            body, up = self.body(i), self.places.ups[i]
            height = body.extent_mm(up)
            front_to_back, upper_to_lower = self.profile(body, up)
            found.append({
                "height_mm": height, "depth_mm": body.extent_mm((-up[1], up[0])), "area_mm2": body.area_mm2, "front_to_back": front_to_back,
                "upper_to_lower": upper_to_lower, "sacrum_share": body.sacrum_share, "at_edge": body.at_edge,
                "room_below_mm": rows * row_mm - body.centre_mm[1] - height / 2, "canal_alongside": self.canal.alongside(body.centre_mm),
            })
        return found

    def profile(self, body, up):
        piece = max((self.pieces[i] for i in body.members), key=lambda p: p.area_mm2)
        rows, columns = np.nonzero(self.labels[piece.slice][piece.box] == piece.label)
        x, y = columns * self.frame.spacing_mm[1], rows * self.frame.spacing_mm[0]

        def half(values):
            share = np.clip((values > (values.min() + values.max()) / 2).mean(), LEAST_HALF, 1 - LEAST_HALF)
            return float(np.log(share / (1 - share)))

        return -half(-x * up[1] + y * up[0]), half(x * up[0] + y * up[1])

    def gaps(self):
        found = []
        for i in range(len(self.members) - 1):
            lower, upper = self.body(i).centre_mm, self.body(i + 1).centre_mm
            up = self.places.ups[min(i + 1, len(self.places.ups) - 1)]
            inside = sorted((along, self.candidates[c].extent_mm(up)) for c, space, along in self.discs if space == i + 1 and self.candidates[c].area_mm2 >= MIN_DISC_MM2)
            apart = any(b[0] - a[0] >= TWO_DISCS_APART for a, b in zip(inside, inside[1:]))
            found.append({
                "distance_mm": float(np.hypot(*(upper - lower)[:2])), "lean_deg": float(np.degrees(np.arctan2(upper[0] - lower[0], lower[1] - upper[1]))),
                "discs": min(len(inside), 1 + apart), "disc_thickness_mm": max((t for _, t in inside), default=0.0),
            })
        return found


def find(frame, mask):
    labels, by_slice = slicewise.find(frame, mask)
    pieces = [p for of in by_slice for p in of]
    found = candidates(frame, by_slice, pieces, labels)
    canal = Canal(frame, pieces, labels)
    bodies = best_path(found, pieces, canal)
    cut_above = None
    if len(bodies) > 1 and found[bodies[-1]].area_mm2 < HALF_IN_VIEW * found[bodies[-2]].area_mm2:
        cut_above = bodies.pop()
    if len(bodies) < MIN_BODIES:
        raise NoSpine("fewer than 3 vertebral bodies follow one another")
    places = Places([found[b].centre_mm for b in bodies])
    chain = Chain(frame, labels, pieces, found, with_fragments(bodies, found, places), cut_above, canal, places)
    in_space = [(i, *place) for i, c in enumerate(found) if c.structure == DISC and (place := places.space_of(c.centre_mm))]
    least = lambda space: MIN_END_DISC_MM2 if space in (0, len(bodies)) else MIN_DISC_MM2
    filled = {space for i, space, _ in in_space if found[i].area_mm2 >= least(space)}
    chain.discs = [d for d in in_space if d[1] in filled]
    return chain


def with_fragments(bodies, found, places):
    members = [[b] for b in bodies]
    for index, fragment in enumerate(found):
        if fragment.structure != BODY or index in bodies:
            continue
        for i, b in enumerate(bodies):
            body, up = found[b], places.ups[i]
            away = (fragment.centre_mm - body.centre_mm)[:2]
            along, across = abs(away @ up), abs(away[0] * up[1] - away[1] * up[0])
            near = along <= FRAGMENT_ALONG * body.extent_mm(up) and across <= FRAGMENT_ACROSS * body.extent_mm((-up[1], up[0]))
            if near and fragment.area_mm2 < body.area_mm2:
                members[i].append(index)
                break
    return members
