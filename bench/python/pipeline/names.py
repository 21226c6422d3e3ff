"""Which body is S1, and the names counted up from it (src/analysis/level)."""

import re
from dataclasses import dataclass

import numpy as np
from levels.shape import FEATURES, SHAPE, features

from . import ROOT
from .chain import SACRUM_SHARE

UPWARDS = ["S1", *(f"L{k}" for k in range(5, 0, -1)), *(f"T{k}" for k in range(12, 0, -1))]
LEAST_PROBABILITY, LEAST_PROBABILITY_AGAINST_ODDS, SURE_PROBABILITY = 0.5, 0.98, 0.95
ODD, VERY_ODD, ROOM_BELOW = 12.0, 30.0, 0.3
S2_OF_S1_AREA, S2_OF_S1_AREA_ALONE, S2_ACROSS_A_DISC, TRUE_DISC_MM = 0.9, 0.6, 0.58, 4.0
PITCH_PER_HEIGHT, NEIGHBOURS, ONE_MISSING, TOO_CLOSE, DISC_FILLS_MM = 1.28, 1.38, (1.62, 2.45), 0.55, 9.0
MOST_CONFIDENT, FIVE_LUMBAR, TRANSITIONAL, CUT_BELOW, FEW_IN_VIEW, ENOUGH_IN_VIEW = 0.99, 0.906, 0.6, 0.75, 0.75, 4
NO_CANAL, CANAL_ASTRAY, GAP_BRIDGED, COUNTED = 0.9, 0.7, 0.6, 0.995


def table():
    """Weights, usual shape and precision, from the table that training wrote."""
    text = (ROOT / "src/analysis/level/identity_table.rs").read_text()
    bodies = re.findall(r"=\s*\[(.*?)\];", text, re.S)
    weights, usual, precision = (np.array([float(v) for v in re.findall(r"-?\d+\.\d+", b)]) for b in bodies)
    return weights, usual, precision.reshape(len(SHAPE), len(SHAPE))


WEIGHTS, USUAL, PRECISION = table()


@dataclass
class Named:
    name: str  # None where there is none
    confidence: float


@dataclass
class Naming:
    first: int
    vertebrae: list
    bridged: list
    quality: list

    def discs_above(self, i):
        """Names of the discs above body `i`: one, or two around a lost vertebra."""
        lower = self.vertebrae[i]
        above = Named(next_up(lower.name), lower.confidence)
        upper = self.vertebrae[i + 1] if i + 1 < len(self.vertebrae) else above
        if i < len(self.bridged) and self.bridged[i]:
            lost = Named(above.name, upper.confidence)
            return [between(lost, lower), between(upper, lost)]
        return [between(upper, lower)]


def next_up(name):
    at = UPWARDS.index(name) + 1 if name else len(UPWARDS)
    return UPWARDS[at] if at < len(UPWARDS) else None


def between(upper, lower):
    if not (upper.name and lower.name):
        return Named(None, 0.0)
    return Named(f"{upper.name}-{lower.name}", min(upper.confidence, lower.confidence))


def gap_kinds(bodies, gaps, discs_seen):
    """True: neighbours; False: one vertebra is missing; None: can't be told."""
    heights = [b["height_mm"] for b in bodies if not b["at_edge"] and b["sacrum_share"] <= SACRUM_SHARE]
    pitch = float(np.median([g["distance_mm"] for g in gaps]))
    if heights and pitch > NEIGHBOURS * np.median(heights) * PITCH_PER_HEIGHT:
        pitch = float(np.median(heights)) * PITCH_PER_HEIGHT
    return [gap_kind(*pair, pitch, discs_seen) for pair in zip(bodies, bodies[1:], gaps)]


def gap_kind(lower, upper, gap, pitch, discs_seen):
    share, discs = gap["distance_mm"] / pitch, gap["discs"]
    free = gap["distance_mm"] - (lower["height_mm"] + upper["height_mm"]) / 2
    if share < TOO_CLOSE:
        return True if discs == 1 or upper["at_edge"] or lower["at_edge"] else None
    if share <= NEIGHBOURS or (discs == 1 and free - gap["disc_thickness_mm"] <= DISC_FILLS_MM):
        return True
    fit = discs == 2 or (discs == 0 and (not discs_seen or free > pitch))
    return False if ONE_MISSING[0] <= share <= ONE_MISSING[1] and fit else None


def choice(bodies, gaps):
    """(probability of each body to be S1, that it is none of them)."""
    scores = np.array([np.dot(features(bodies, gaps, i), WEIGHTS) for i in range(len(gaps))])
    odds = np.exp(np.append(scores, 0.0) - max(scores.max(), 0.0))
    odds /= odds.sum()
    return odds[:-1], odds[-1]


def oddness(bodies, gaps, i):
    if i + 1 >= len(gaps):
        return 0.0
    away = np.array([f for f, name in zip(features(bodies, gaps, i), FEATURES) if name in SHAPE]) - USUAL
    return float(away @ PRECISION @ away)


def anchor(bodies, gaps, kinds, discs_seen):
    """(index of S1, its probability, cut below, transitional), or the code why there is none."""
    sacral = [b["sacrum_share"] > SACRUM_SHARE for b in bodies]
    if not any(sacral):
        return "no-anchor"
    i = sacral.index(True)
    while i + 1 < len(bodies) and sacral[i + 1]:
        i += 1
    s1 = bodies[i]
    cut_below = bool(s1["at_edge"] or s1["room_below_mm"] / s1["height_mm"] < ROOM_BELOW)
    if any(sacral[i + 1 :]) or i >= len(gaps) or below_is_no_s2(bodies, gaps, i, discs_seen) or kinds[i] is not True:
        return "level-conflict"
    odd = 0.0 if cut_below else oddness(bodies, gaps, i)
    probabilities, absent = choice(bodies, gaps)
    likeliest = int(probabilities.argmax())
    probability = float(probabilities[i]) if probabilities[likeliest] > absent else 0.0
    if (probability and likeliest != i) or probability < (LEAST_PROBABILITY_AGAINST_ODDS if cut_below or odd > VERY_ODD else LEAST_PROBABILITY):
        return "level-conflict"
    disc_below = i > 0 and gaps[i - 1]["discs"] > 0 and gaps[i - 1]["disc_thickness_mm"] >= TRUE_DISC_MM
    return i, probability, cut_below, bool(disc_below or probability < SURE_PROBABILITY or odd > ODD)


def below_is_no_s2(bodies, gaps, i, discs_seen):
    if i == 0:
        return False
    below, gap = bodies[i - 1], gaps[i - 1]
    ratio = below["area_mm2"] / bodies[i]["area_mm2"]
    thick = gap["discs"] > 0 and gap["disc_thickness_mm"] >= TRUE_DISC_MM
    if below["sacrum_share"] > SACRUM_SHARE and thick and ratio >= S2_ACROSS_A_DISC:
        return True
    return ratio > (S2_OF_S1_AREA if discs_seen else S2_OF_S1_AREA_ALONE) and not below["at_edge"]


def designate(bodies, gaps):
    """Names for a chain, given from foot to head."""
    discs_seen = bool(gaps) and 2 * sum(g["discs"] > 0 for g in gaps) >= len(gaps)
    kinds = gap_kinds(bodies, gaps, discs_seen)
    found = anchor(bodies, gaps, kinds, discs_seen)
    if isinstance(found, str):
        return Naming(0, [Named(None, 0.0) for _ in bodies], [k is False for k in kinds], [found])
    first, probability, cut_below, transitional = found
    most = TRANSITIONAL if transitional else MOST_CONFIDENT
    most = min(most, CUT_BELOW if cut_below else 1.0, FEW_IN_VIEW if len(bodies) - first < ENOUGH_IN_VIEW else 1.0)
    quality = ["lumbar-count-assumed"] + ["field-of-view"] * cut_below + ["transitional-anatomy"] * transitional
    return count_up(bodies[first:], kinds[first:], min(probability, most), Naming(first, [], [], quality))


def count_up(bodies, kinds, trust, naming):
    name = "S1"
    for i, body in enumerate(bodies):
        if i:
            kind = kinds[i - 1]
            naming.bridged.append(kind is False)
            name = next_up(name) if kind is not None else None
            if kind is False:
                name, trust = next_up(name), trust * GAP_BRIDGED
            elif kind is None:
                naming.quality.append("level-conflict")
        astray = CANAL_ASTRAY if i else NO_CANAL
        own = {True: 1.0, False: astray, None: NO_CANAL}[body["canal_alongside"]]
        trust *= own if i == 0 else COUNTED * (FIVE_LUMBAR if i == 1 else 1.0)
        naming.vertebrae.append(Named(name, trust * (own if i else 1.0) if name else 0.0))
    return naming
