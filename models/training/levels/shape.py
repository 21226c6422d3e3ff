"""What tells the first sacral body from its neighbours. The same lines are in src/analysis/level/identity.rs."""

import numpy as np

# Logarithms and shares beyond this many of their units say no more.
FEATURES = [
    "bias", "sacrum_share", "sacrum_share_above", "area_to_above", "depth_to_above", "front_to_back", "upper_to_lower",
    "bend", "no_disc_above", "lowest", "at_edge", "room_below", "area_of_below", "sacrum_share_below",
]

# Those that describe the shape of a first sacral body.
SHAPE = ["area_to_above", "depth_to_above", "front_to_back", "upper_to_lower", "bend"]


def limited(value, limit):
    return float(np.clip(value, -limit, limit))


def features(bodies, gaps, i):
    """What speaks for body i being S1, in the order of FEATURES. The same lines are in identity.rs."""
    body, above, gap = bodies[i], bodies[i + 1], gaps[i]
    leans = [g["lean_deg"] for g in gaps[i + 1:i + 4]]  # of several, because a slip leans one of them
    below = bodies[i - 1] if i > 0 else None
    discs_seen = 2 * sum(g["discs"] > 0 for g in gaps) >= len(gaps)
    return [
        1.0,
        body["sacrum_share"],
        above["sacrum_share"],
        limited(np.log(body["area_mm2"] / above["area_mm2"]), 0.7),
        limited(np.log(body["depth_mm"] / above["depth_mm"]), 0.5),
        limited(body["front_to_back"], 0.8),
        limited(body["upper_to_lower"], 0.6),
        limited((gap["lean_deg"] - np.median(leans)) / 30.0, 1.5) if leans else 0.0,
        float(discs_seen and gap["discs"] == 0),
        float(below is None),
        float(body["at_edge"]),
        limited(body["room_below_mm"] / body["height_mm"], 1.0),
        0.0 if below is None else limited(np.log(below["area_mm2"] / body["area_mm2"]), 1.0),
        0.0 if below is None else below["sacrum_share"],
    ]
