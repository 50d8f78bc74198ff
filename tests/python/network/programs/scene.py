"""What the camera sees: known pictures, each unlike the one before, and how well one was kept."""

from __future__ import annotations

import numpy as np

from parhelion.testing import write_stamp

_STEP = 6
_BLOCK = 44


class Scene:
    """A textured wall that moves past; picture ``n`` carries the number ``n``."""

    def __init__(self, width: int, height: int) -> None:
        chance = np.random.default_rng(5)
        wall = np.zeros((height, 2 * width, 3), np.float32)
        for cell in (4, 8, 32):
            rough = chance.random((-(-height // cell), -(-2 * width // cell), 3))
            wall += rough.repeat(cell, 0).repeat(cell, 1)[:height, : 2 * width]
        self._wall = (wall * 80).astype(np.uint8)
        self._size = width, height

    def picture(self, number: int) -> np.ndarray:
        width, _ = self._size
        start = _STEP * number % width
        picture = self._wall[:, start : start + width].copy()
        write_stamp(picture, number)
        return picture

    def quality(self, number: int, shown: np.ndarray) -> float:
        """PSNR in dB of the worst block: what was not repaired shows in one place first."""
        sent = self.picture(number)[::2, ::2, 1].astype(np.float32)
        error = (sent - shown[::2, ::2, 1]) ** 2
        rows, columns = (size // _BLOCK for size in error.shape)
        blocks = error[: rows * _BLOCK, : columns * _BLOCK]
        means = blocks.reshape(rows, _BLOCK, columns, _BLOCK).mean(axis=(1, 3))
        return float(10 * np.log10(255**2 / max(float(means.max()), 0.01)))
