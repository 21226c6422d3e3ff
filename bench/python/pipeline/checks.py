"""What is asked of the network again: whether the spine lies as the header claims, how well the reading repeats, whether a second series agrees
(src/analysis/plausibility.rs, repeatability.rs, agreement.rs)."""

import numpy as np

from . import segmentation, spine
from .chain import NoSpine
from .segmentation import Nudge

LEAST_PROBABILITY, VOTERS = 0.8, 3
SLICES = 3
NUDGES = [Nudge(rows=0.5), Nudge(columns=0.5), Nudge(rows=-0.5, columns=-0.5, scale=0.98)]
SAME_MM, SAME_BODY_MM = 10.0, 12.0
VALUES_MIN = 1 + -(-len(NUDGES) // 2)
# A median absolute deviation times these estimates a standard deviation, by the number of values (Croux and Rousseeuw 1992).
MAD_TO_SD = {3: 1.4826 * 1.495, 4: 1.4826 * 1.363}


class Misplaced(NoSpine):
    """The images show a spine that lies otherwise than the header claims."""

    code = "orientation-conflict"


def orientation(volume, mask, segmented, network, pool):
    """`mask` is what is left of what was segmented."""
    shown = segmentation.by_canal(mask)
    voters = sorted(range(len(shown)), key=lambda k: shown[k], reverse=True)[:VOTERS]
    verdict = lie(volume, voters[0], segmented, network, pool)
    if verdict == "unlike":
        raise NoSpine("what was segmented does not look like a spine")
    if verdict == "as claimed":
        return
    agreeing = 1 + sum(lie(volume, k, segmented, network, pool) == verdict for k in voters[1:])
    if 2 * agreeing > len(voters):
        raise Misplaced(f"the images show a spine that is {verdict} by their header")


def lie(volume, k, segmented, network, pool):
    claimed = segmented.certainties[k]
    turns = [(True, False), (False, True), (True, True)]
    others = segmentation.certainties_turned(volume, k, turns, segmented.surroundings, network, pool)
    turned = zip(["upside down", "front to back", "turned by half"], others)
    surer = [(c[0], way) for way, c in turned if c[0] > claimed[0] and c[1] > claimed[1] and c[0] >= LEAST_PROBABILITY]
    if surer:
        return max(surer)[1]
    return "unlike" if claimed[0] < LEAST_PROBABILITY else "as claimed"


def second_looks(found, volume, segmented, second, network, pool):
    """The middle slices read again, slightly shifted, and those of a second series, side by side."""
    shown = np.array(segmentation.by_canal(segmented.mask))
    several = min(SLICES, len(shown))
    sums = [tuple(shown[k : k + several].sum(0)) for k in range(len(shown) - several + 1)]
    start = max(range(len(sums)), key=lambda k: (sums[k], k))
    middle = slice(start, start + several)
    part = volume.only(list(range(start, start + several)))

    def look(nudge):
        try:
            if nudge is None:
                return spine.read(second, segmentation.segment(second, network, map).mask)
            again = segmented.mask.copy()
            again[middle] = segmentation.segment(part, network, map, nudge, segmented.surroundings).mask
            return spine.read(volume, again)
        except NoSpine:
            return None

    *echoes, other = [*pool(look, [*NUDGES, None])] if second else [*pool(look, NUDGES), None]
    repeats(found, volume, middle, [e for e in echoes if e])
    if other:
        agreement(found, other)


def repeats(found, volume, middle, echoes):
    """The spread of each number, and names that change."""
    index = lambda place: float(np.interp(place @ volume.normal, volume.positions_mm(), np.arange(len(volume.origins))))
    covered = lambda place: middle.start - 0.5 <= index(place) <= middle.stop - 0.5
    weigh(found.vertebrae, [e.vertebrae for e in echoes], lambda v: v["centre_lps_mm"], covered)
    weigh(found.levels, [e.levels for e in echoes], lambda level: level["plane"]["centre_lps_mm"], covered)
    spread(found.lumbar, [e.lumbar for e in echoes])


def weigh(things, echoes, place_of, covered):
    for own in things:
        place = place_of(own)
        matches = [m for m in (nearest(of, place_of, place) for of in echoes) if m]
        if covered(place):
            spread(own, matches)
        if own["name"] is None:
            continue
        names = [m["name"] for m in matches if m["name"]]
        if any(name != own["name"] for name in names):
            own["name"], own["confidence"] = None, 0.0
        own["confidence"] *= (1 + len(names)) / (1 + len(NUDGES))


def nearest(things, place_of, place):
    away = [float(np.linalg.norm(place_of(t) - place)) for t in things]
    return things[int(np.argmin(away))] if away and min(away) <= SAME_MM else None


def spread(own, echoes):
    own["measurement_sd"] = {}
    for name, value in own["measurements"].items():
        values = [v for v in [value, *(e["measurements"][name] for e in echoes)] if v is not None]
        if value is not None and not name.endswith("mm2") and len(values) >= VALUES_MIN:
            own["measurement_sd"][name] = float(MAD_TO_SD[len(values)] * np.median(np.abs(values - np.median(values))))


def agreement(found, other):
    """Where a second series calls a body by another name, no names are given."""
    if not any(v["name"] for v in found.vertebrae):
        return
    flat = lambda v: v["centre_lps_mm"][1:]
    for one in found.vertebrae:
        away = [float(np.linalg.norm(flat(one) - flat(v))) for v in other.vertebrae]
        match = other.vertebrae[int(np.argmin(away))] if min(away) <= SAME_BODY_MM else None
        if match and one["name"] and match["name"] and one["name"] != match["name"]:
            for thing in found.vertebrae + found.levels:
                thing["name"], thing["confidence"] = None, 0.0
            found.quality.append("level-conflict")
            return
