"""Millimetres along the slices' own axes, and the voxels at a place (src/analysis/parts/frame.rs)."""

import numpy as np


class Frame:
    def __init__(self, volume):
        self.shape, self.spacing_mm = volume.shape, volume.spacing_mm
        self.pixel_mm2 = volume.spacing_mm[0] * volume.spacing_mm[1]
        self.axes = np.stack([volume.right, volume.down, volume.normal])
        self.origin = volume.origins[0]
        self.places = (volume.origins - self.origin) @ self.axes.T
        self.z = self.places[:, 2]

    def gap_mm(self, k):
        """From slice `k` to its nearest neighbour; infinite where there is none."""
        beside = [abs(self.z[j] - self.z[k]) for j in (k - 1, k + 1) if 0 <= j < len(self.z)]
        return min(beside, default=np.inf)

    def at_pixel(self, column, row, k):
        x, y, z = self.places[k]
        column, row = np.asarray(column, float), np.asarray(row, float)
        return np.stack([x + column * self.spacing_mm[1], y + row * self.spacing_mm[0], np.full(column.shape, z)], -1)

    def to_lps(self, at):
        return self.origin + np.asarray(at) @ self.axes

    def direction_to_lps(self, direction):
        return np.asarray(direction) @ self.axes

    def voxels(self, at):
        """Fractional slices, rows and columns of places [..., 3], and whether they lie within half a slice of the stack."""
        z, last = at[..., 2], len(self.z) - 1
        k = np.interp(z, self.z, np.arange(last + 1))
        left, top = (np.interp(z, self.z, self.places[:, axis]) for axis in (0, 1))
        column, row = (at[..., 0] - left) / self.spacing_mm[1], (at[..., 1] - top) / self.spacing_mm[0]
        if last == 0:
            return (k, row, column), np.ones(z.shape, bool)
        return (k, row, column), (z >= self.z[0] - 0.5 * self.gap_mm(0)) & (z <= self.z[-1] + 0.5 * self.gap_mm(last))
