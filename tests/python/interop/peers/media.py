"""A video track of one colour, and a look at what comes back."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from aiortc import VideoStreamTrack

RED = (255, 0, 0)
MAX_FRAMES = 240
TOLERANCE = 24


class SolidTrack(VideoStreamTrack):
    """30 frames per second of one colour."""

    def __init__(self, width: int = 320, height: int = 240) -> None:
        super().__init__()
        self._pixels = np.full((height, width, 3), RED, np.uint8)

    async def recv(self) -> av.VideoFrame:
        frame = av.VideoFrame.from_ndarray(self._pixels, format="rgb24")
        frame.pts, frame.time_base = await self.next_timestamp()
        return frame

    def stop(self) -> None:
        """aiortc stops a track with its connection, though the next one may use it again."""


def matches(centre: Any, colour: list[int] | str) -> bool:
    """``colour`` is RGB, or ``grey`` for any brightness."""
    if colour == "grey":
        return float(centre.max() - centre.min()) <= TOLERANCE
    return float(np.abs(centre - colour).max()) <= TOLERANCE


async def watch(track: Any, colour: list[int] | str, frames: int) -> dict[str, Any]:
    """Receives until so many frames had that colour in the centre, or too many had not."""
    seen = matching = 0
    size: list[int] = []
    centre = np.zeros(3)
    while matching < frames and seen < MAX_FRAMES:
        frame = await track.recv()
        seen += 1
        size = [frame.width, frame.height]
        pixels = frame.to_ndarray(format="rgb24")
        height, width = pixels.shape[:2]
        centre = pixels[height * 3 // 8 : height * 5 // 8, width * 3 // 8 : width * 5 // 8].mean(
            axis=(0, 1)
        )
        if matches(centre, colour):
            matching += 1
    return {
        "matched": matching == frames,
        "size": size,
        "colour": [round(float(part)) for part in centre],
    }
