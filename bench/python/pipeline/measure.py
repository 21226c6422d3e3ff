"""Millimetres and degrees of the parts of a spine (src/analysis/measure)."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .curve import unit

STEP_MM, CLOSED_MM, EDGE = 0.3, 2.0, 0.5
ROUNDS, TUKEY, EDGE_NOISE_MM = 8, 4.685, 0.3
WALL_REACH, WALL_LINES, ENDPLATE_FROM, ENDPLATE_LINES, LOOK = 0.34, 10, 0.1, 26, 0.85
CORNER_MM, PARABOLA_MM, NEAR_END, THROUGH = 12.0, 0.9, 0.22, 0.35
ASTRAY_MM, FRAGMENT_DEPTH = 5.0, 0.45
SHARES, ACROSS_MM, ALONG_MM, STRETCH_MM, LINES = (1 / 6, 0.5, 5 / 6), 32.0, 13.0, 1.5, 3
SLAB_MM, BEHIND_MM, HALF_WIDTH_MM, MIDDLE_MM, CUT_SHARE = (-1.5, 0.0, 1.5), (3.0, 60.0), 26.0, 2.0, 0.35
SLIP_THRESHOLD_MM = 3.0


class Probe:
    """Lines through one part of the part mask: how much of a sample's surroundings has it, linear between voxels."""

    def __init__(self, parts, number):
        self.frame = parts.frame
        box = parts.boxes[number - 1]
        self.first = [side.start for side in box]
        self.voxels = (parts.part_of[box] == number).astype(np.float32)

    def occupancy(self, at):
        places, within = self.frame.voxels(at)
        places = [p - first for p, first in zip(places, self.first)]
        return np.where(within, ndimage.map_coordinates(self.voxels, places, order=1, mode="grid-constant", prefilter=False), 0)

    def longest(self, origins, direction, start, end):
        """For lines [n, 3], [n, 2]: where the longest stretch inside the part begins and ends along each; NaN where there is none."""
        steps = max(int(np.ceil((end - start) / STEP_MM)), 1)
        at = np.linspace(start, end, steps + 1)
        filled = self.occupancy(origins[:, None] + at[:, None] * direction)
        inside = filled >= EDGE
        found = np.full((len(origins), 2), np.nan)
        for line in np.flatnonzero(inside.any(1)):
            found[line] = longest_run(at, filled[line], inside[line])
        return found


def longest_run(at, filled, inside):
    turns = np.flatnonzero(inside[1:] != inside[:-1])
    edges = at[turns] + (at[1] - at[0]) * (EDGE - filled[turns]) / (filled[turns + 1] - filled[turns])
    if inside[0]:
        edges = np.concatenate([[at[0]], edges])
    if inside[-1]:
        edges = np.concatenate([edges, [at[-1]]])
    starts, ends = edges[::2], edges[1::2]
    apart = starts[1:] - ends[:-1] >= CLOSED_MM
    starts, ends = starts[np.concatenate([[True], apart])], ends[np.concatenate([apart, [True]])]
    longest = int((ends - starts).argmax())
    return starts[longest], ends[longest]


def usable(runs, *others):
    there = np.isfinite(runs[:, 0])
    return (runs[there], *(o[there] for o in others))


def robust(x, y, degree):
    """A polynomial, highest power first, by Tukey's biweight; None where the points don't settle it."""
    if len(x) < 2 * (degree + 1):
        return None
    powers, weights = np.vander(x, degree + 1), np.ones(len(x))
    for _ in range(ROUNDS + 1):
        weighted = powers.T * weights
        try:
            fitted = np.linalg.solve(weighted @ powers, weighted @ y)
        except np.linalg.LinAlgError:
            return None
        away = np.abs(y - powers @ fitted)
        weights = np.maximum(1 - (away / (TUKEY * max(1.4826 * np.median(away), EDGE_NOISE_MM))) ** 2, 0) ** 2
    return fitted


@dataclass
class Endplate:
    anterior: np.ndarray
    posterior: np.ndarray
    middle: np.ndarray

    @property
    def depth_mm(self):
        return float(np.linalg.norm(self.posterior - self.anterior))

    @property
    def tilt_deg(self):
        d = self.posterior - self.anterior
        return float(np.degrees(np.arctan2(d[1], d[0])))

    def at(self, share):
        a, m, p = 2 * (share - 0.5) * (share - 1), 4 * share * (1 - share), 2 * share * (share - 0.5)
        return a * self.anterior + m * self.middle + p * self.posterior


@dataclass
class BodyShape:
    upper: Endplate
    lower: Endplate
    depth_mm: float


class Wall:
    def __init__(self, v, u):
        self.v, self.u, self.line = v, u, robust(v, u, 1)

    def beside(self, sign):
        """Its line, shifted onto its points on the side of `sign`."""
        beyond = self.v * sign >= np.abs(self.v).max() * 0.5
        shift = np.median(self.u[beyond] - np.polyval(self.line, self.v[beyond])) if beyond.any() else 0.0
        return self.line + [0.0, shift]


def body_shape(probe, body, directions):
    """Walls, endplates and corners of a body; None where they can't be made out."""
    up, back, _ = directions
    place = lambda u, v: body.centre_mm + np.multiply.outer(u, back) + np.multiply.outer(v, up)
    v = np.arange(-WALL_LINES, WALL_LINES + 1) / WALL_LINES * WALL_REACH * body.height_mm
    reach = LOOK * body.depth_mm
    walls, v = usable(probe.longest(place(np.zeros(len(v)), v), back, -reach, reach), v)
    if len(v) < 4:
        return None
    front, rear = Wall(v, walls[:, 0]), Wall(v, walls[:, 1])
    central = np.abs(v) <= 0.1 * body.height_mm
    if front.line is None or rear.line is None or not central.any():
        return None
    share = ENDPLATE_FROM + (1 - 2 * ENDPLATE_FROM) * np.arange(ENDPLATE_LINES + 1) / ENDPLATE_LINES
    u = front.line[-1] + (rear.line[-1] - front.line[-1]) * share
    reach = LOOK * body.height_mm
    ends, u = usable(probe.longest(place(u, np.zeros(len(u))), up, -reach, reach), u)
    through = np.abs(ends.mean(1)) <= THROUGH * body.height_mm
    ends, u = ends[through], u[through]
    plates = [endplate(u, ends[:, 1 if sign > 0 else 0], front, rear, sign, place) for sign in (1, -1)]
    if None in plates:
        return None
    return BodyShape(*plates, float(np.median(walls[central, 1] - walls[central, 0])))


def endplate(u, v, front, rear, sign, place):
    plate = robust(u, v, 2)
    if plate is None:
        return None
    away = np.sort(np.abs(v - np.polyval(plate, u)))
    if away[len(away) * 9 // 10] > PARABOLA_MM:
        plate = robust(u, v, 1)
        if plate is None:
            return None
    corners = []
    for wall in (front, rear):
        line = wall.beside(sign)
        at = line[-1]
        for _ in range(4):
            at = np.polyval(line, np.polyval(plate, at))
        if not abs(at - wall.line[-1]) <= CORNER_MM:
            return None
        corners.append(at)
    depth = corners[1] - corners[0]
    if depth <= 0:
        return None

    def on_points(at):
        near = np.abs(u - at) <= NEAR_END * depth
        shift = np.median(v[near] - np.polyval(plate, u[near])) if near.any() else 0.0
        return place(at, np.polyval(plate, at) + shift)

    return Endplate(on_points(corners[0]), on_points(corners[1]), on_points(sum(corners) / 2))


class Shapes:
    """Outlines of bodies and extents of discs, found once."""

    def __init__(self, parts):
        self.parts = parts
        at = lambda centre: parts.curve.directions(parts.curve.nearest_mm(centre))
        self.directions = [at(b.centre_mm) for b in parts.bodies]
        shape = lambda b, d: None if b.at_edge else body_shape(Probe(parts, b.number), b, d)
        self.bodies = [shape(b, d) for b, d in zip(parts.bodies, self.directions)]
        self.discs = [self.disc(d, at) for d in parts.discs]

    def body(self, i):
        return None if i is None else self.bodies[i]

    def facing(self, disc):
        """The endplates below and above, or None."""
        lower, upper = self.body(disc.lower), self.body(disc.upper)
        return (lower.upper, upper.lower) if lower and upper else None

    def disc(self, part, at):
        """(centre, directions, (front, back) of it or None, number where its mask can be measured on)."""
        facing, centre, number = self.facing(part), part.centre_mm, part.number
        if facing:
            between = (facing[0].middle + facing[1].middle) / 2
            if number is None or np.linalg.norm(between - centre) > ASTRAY_MM:
                centre, number = between, None
        directions = at(centre)
        deepest = max(self.parts.bodies[i].depth_mm for i in (part.lower, part.upper) if i is not None)
        extent = disc_extent(Probe(self.parts, number), centre, directions) if number else None
        if extent is None or extent[1] - extent[0] < FRAGMENT_DEPTH * deepest:
            half = (facing[0].depth_mm + facing[1].depth_mm) / 4 if facing else None
            extent, number = (-half, half) if facing else None, None
        return centre, directions, extent, number


def stretch():
    return np.arange(-LINES, LINES + 1) / LINES * STRETCH_MM


def disc_extent(probe, centre, directions):
    up, back, _ = directions
    (runs,) = usable(probe.longest(centre + np.multiply.outer(stretch(), up), back, -ACROSS_MM, ACROSS_MM))
    if not len(runs):
        return None
    front, rear = np.median(runs, axis=0)
    return (front, rear) if rear > front else None


def vertebra(shapes, i):
    body, directions, shape = shapes.parts.bodies[i], shapes.directions[i], shapes.bodies[i]
    ap, area = canal(shapes.parts, body.centre_mm, directions)
    found = dict.fromkeys(["height_anterior_mm", "height_middle_mm", "height_posterior_mm", "anterior_posterior_ratio", "middle_posterior_ratio", "depth_mm"])
    if shape:
        a, m, p = (float(np.linalg.norm(getattr(shape.upper, k) - getattr(shape.lower, k))) for k in ("anterior", "middle", "posterior"))
        found = {
            "height_anterior_mm": a, "height_middle_mm": m, "height_posterior_mm": p, "anterior_posterior_ratio": a / p,
            "middle_posterior_ratio": m / p, "depth_mm": shape.depth_mm,
        }
    return found | {"canal_ap_body_mm": ap, "canal_area_body_mm2": area}


def level(shapes, i):
    part, (centre, directions, extent, _) = shapes.parts.discs[i], shapes.discs[i]
    back_mm = max(extent[1] / 2, 0.0) if extent else 0.0
    ap, area = canal(shapes.parts, centre + back_mm * directions[1], directions)
    heights = [disc_height(shapes, i, share) for share in SHARES]
    facing, upper, lower = shapes.facing(part), shapes.body(part.upper), shapes.body(part.lower)
    slip_mm = percent = lordosis = index = None
    if facing:
        below, above = facing
        slip_mm = float((above.posterior - below.posterior) @ unit(below.anterior - below.posterior))
        percent = 100 * slip_mm / below.depth_mm
    if upper and lower:
        lordosis = angle(upper.upper, lower.upper)
    if upper and None not in heights:
        index = sum(heights) / 3 / upper.lower.depth_mm
    return {
        "canal_ap_disc_mm": ap, "canal_area_disc_mm2": area, "disc_height_anterior_mm": heights[0], "disc_height_middle_mm": heights[1],
        "disc_height_posterior_mm": heights[2], "disc_height_index": index, "slip_mm": slip_mm, "slip_percent": percent,
        "segmental_lordosis_deg": lordosis,
    }


def angle(upper, lower):
    return (upper.tilt_deg - lower.tilt_deg + 180) % 360 - 180


def lumbar(shapes, names):
    by_name = {n.name: shapes.bodies[i] for i, n in enumerate(names) if n.name}
    l1, s1 = by_name.get("L1"), by_name.get("S1")
    slope = None
    if s1:
        along = shapes.parts.frame.direction_to_lps(s1.upper.posterior - s1.upper.anterior)
        slope = float(np.degrees(np.arctan2(along[2], np.hypot(along[0], along[1]))))
    return {"lumbar_lordosis_deg": angle(l1.upper, s1.upper) if l1 and s1 else None, "sacral_slope_deg": slope}


def disc_height(shapes, i, share):
    centre, directions, extent, number = shapes.discs[i]
    up, back, _ = directions
    if number is None:
        facing = shapes.facing(shapes.parts.discs[i])
        height = float((facing[1].at(share) - facing[0].at(share)) @ up) if facing else -1.0
        return height if height >= 0 else None
    across = extent[0] + share * (extent[1] - extent[0]) + stretch()
    (runs,) = usable(Probe(shapes.parts, number).longest(centre + np.multiply.outer(across, back), up, -ALONG_MM, ALONG_MM))
    return float(np.median(runs[:, 1] - runs[:, 0])) if len(runs) else None


def canal(parts, centre, directions):
    """Diameter (mm) and area (mm²) of the canal in the plane through `centre`; None where they can't be taken."""
    if parts.canal is None:
        return None, None
    up, back, side = directions
    probe = Probe(parts, parts.canal)

    def chords(origins):
        runs = probe.longest(origins, back, *BEHIND_MM)
        return np.nan_to_num(runs[:, 1] - runs[:, 0])

    slab = np.multiply.outer(SLAB_MM, up)
    if len(parts.frame.z) == 1:
        ap = float(np.median(chords(centre + slab)))
        return (ap if ap > 0 else None), None
    sideways = np.arange(-HALF_WIDTH_MM, HALF_WIDTH_MM + 0.5)
    origins = centre + np.multiply.outer(sideways, side)[:, None] + slab
    found = chords(origins.reshape(-1, 3)).reshape(len(sideways), len(SLAB_MM))
    total = found.sum()
    if total <= 0:
        return None, None
    middle = (sideways @ found).sum() / total
    central = found[np.abs(sideways - middle) <= MIDDLE_MM]
    central = central[central > 0]
    ap = float(np.median(central)) if central.size else None
    outer = 0.0
    if abs(side[2]) >= 0.1:
        ends = (parts.frame.z[[0, -1]] - centre[2]) / side[2]
        outer = chords(centre + np.multiply.outer(ends, side)).max()
    return ap, None if outer > CUT_SHARE * found.max() else float(total / len(SLAB_MM))
