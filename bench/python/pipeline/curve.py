"""A robust smoothing spline through the centres of bodies and discs (src/analysis/curve)."""

import numpy as np

SAGITTAL_STIFFNESS, LATERAL_STIFFNESS = 450.0, 18_000.0
ROUNDS, TUKEY, TRUSTED_MM = 6, 4.685, 2.0
POINT_SPACING_MM, ARC_STEP_MM = 5.0, 0.5


def unit(v):
    length = np.linalg.norm(v)
    return v / length if length > 0 else None


class Spline:
    """Natural, cubic, straight beyond its ends (Green and Silverman 1994, algorithm 2.1)."""

    def __init__(self, knots, values, stiffness):
        self.knots, n = knots, len(knots)
        gaps = np.diff(knots)
        q, r = np.zeros((n, n - 2)), np.zeros((n - 2, n - 2))
        for j in range(n - 2):
            q[j : j + 3, j] = 1 / gaps[j], -1 / gaps[j] - 1 / gaps[j + 1], 1 / gaps[j + 1]
            r[j, j] = (gaps[j] + gaps[j + 1]) / 3
            if j + 3 < n:
                r[j, j + 1] = r[j + 1, j] = gaps[j + 1] / 6
        weights = np.ones(n)
        self.fit(q, r, values, weights, stiffness)
        for _ in range(ROUNDS):
            residuals = np.abs(values - self.values)
            limit = max(TUKEY * 1.4826 * np.median(residuals), TRUSTED_MM * TUKEY / 2)
            weights = np.maximum(1 - (residuals / limit) ** 2, 0.02) ** 2
            self.fit(q, r, values, weights, stiffness)

    def fit(self, q, r, values, weights, stiffness):
        bends = np.linalg.solve(r + stiffness * (q.T / weights) @ q, q.T @ values) if len(r) else np.zeros(0)
        self.values = values - stiffness / weights * (q @ bends)
        self.bends = np.concatenate([[0], bends, [0]])


class Curve:
    """`centres` from foot to head, slice frame."""

    def __init__(self, centres):
        kept, knots = [np.asarray(centres[0], float)], [0.0]
        for centre in centres[1:]:
            step = np.linalg.norm(centre - kept[-1])
            if step >= 1:
                knots.append(knots[-1] + step)
                kept.append(np.asarray(centre, float))
        if len(kept) < 2:
            raise ValueError("no curve through fewer than two centres")
        kept, self.knots = np.array(kept), np.array(knots)
        stiffness = (SAGITTAL_STIFFNESS, SAGITTAL_STIFFNESS, LATERAL_STIFFNESS)
        splines = [Spline(self.knots, kept[:, axis], stiffness[axis]) for axis in range(3)]
        self.values, self.bends = (np.stack([getattr(s, name) for s in splines], -1) for name in ("values", "bends"))
        self.residual_mm = float(np.sqrt(((self.at(self.knots) - kept) ** 2).sum(1).mean()))

    def evaluate(self, s):
        """Places and derivatives."""
        inside = np.clip(s, self.knots[0], self.knots[-1])
        i = np.clip(np.searchsorted(self.knots, inside, "right"), 1, len(self.knots) - 1) - 1
        h = self.knots[i + 1] - self.knots[i]
        a, b = (self.knots[i + 1] - inside) / h, (inside - self.knots[i]) / h
        along = lambda v: np.asarray(v)[..., None]
        v0, v1, m0, m1 = self.values[i], self.values[i + 1], self.bends[i], self.bends[i + 1]
        value = along(a) * v0 + along(b) * v1 + (along(a**3 - a) * m0 + along(b**3 - b) * m1) * along(h * h / 6)
        slope = (v1 - v0) / along(h) + (along(3 * b * b - 1) * m1 - along(3 * a * a - 1) * m0) * along(h / 6)
        return value + slope * along(s - inside), slope

    def at(self, s):
        return self.evaluate(s)[0]

    def directions(self, s):
        """Unit vectors along the curve to the head, to the back in the slices' plane, and to the side."""
        up = unit(self.evaluate(s)[1])
        back = unit(np.array([-up[1], up[0], 0.0]))
        return up, back, np.cross(up, back)

    def nearest_mm(self, at):
        away = lambda s: np.linalg.norm(self.at(s) - at, axis=-1)
        s = np.arange(-40.0, self.knots[-1] + 40.0, 4.0)
        best = s[np.argmin(away(s))]
        step = 2.0
        while step > 0.01:
            tried = np.array([best - step, best, best + step])
            best, step = tried[np.argmin(away(tried))], step / 2
        return float(best)

    def points(self):
        """Evenly spaced by arc length."""
        s = np.linspace(0, self.knots[-1], int(np.ceil(self.knots[-1] / ARC_STEP_MM)) + 1)
        places = self.at(s)
        arc = np.concatenate([[0], np.linalg.norm(np.diff(places, axis=0), axis=1).cumsum()])
        wanted = np.arange(0, arc[-1], POINT_SPACING_MM)
        return np.stack([np.interp(wanted, arc, places[:, axis]) for axis in range(3)], 1)
