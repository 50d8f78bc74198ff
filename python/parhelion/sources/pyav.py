"""Pictures from PyAV, for those who have no OpenCV."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from parhelion.errors import SourceError
from parhelion.sources.base import BlockingSource, Picture, Timeline

__all__ = ["AvSource"]

# Seconds to open a URL, and to wait for more of it.
_TIMEOUTS = (10.0, 30.0)


class AvSource(BlockingSource):
    """A file, a URL or a camera, decoded by PyAV."""

    def __init__(self, av: Any, target: int | str, description: str) -> None:
        self.description = description
        self.is_camera = isinstance(target, int)
        self._av = av
        self._target = target
        self._container: Any = None

    def open(self) -> None:
        target, format = _device(self._target)
        try:
            self._container = self._av.open(target, format=format, timeout=_TIMEOUTS)
        except (self._av.FFmpegError, OSError, ValueError) as error:
            # The text of FFmpeg without the address, which may carry a password.
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise SourceError(f"{self.description} cannot be opened: {reason}") from None
        if not self._container.streams.video:
            raise SourceError(f"{self.description} has no video")
        stream = self._container.streams.video[0]
        stream.thread_type = "AUTO"
        rate = stream.average_rate or stream.guessed_rate
        self.rate = float(rate) if rate else None
        self.is_live = self.is_camera or (
            "://" in target and not stream.frames and not self._container.duration
        )

    def pictures(self) -> Iterator[Picture]:
        timeline = Timeline(self.rate)
        for frame in self._frames():
            data = frame.to_ndarray(format="rgb24")
            turns = round(getattr(frame, "rotation", 0) / 90) % 4
            if turns:
                data = np.rot90(data, turns)
            here = None if self.is_live else timeline.place(frame.time)
            yield Picture(data, "rgb24", here, here)
        if self.is_live:
            raise SourceError(f"{self.description} gives no more pictures")

    def _frames(self) -> Iterator[Any]:
        for packet in self._container.demux(video=0):
            # One picture that is damaged is no reason to give up the rest.
            with contextlib.suppress(self._av.error.InvalidDataError):
                yield from packet.decode()

    def close(self) -> None:
        if self._container is not None:
            with contextlib.suppress(self._av.FFmpegError):
                self._container.close()


def _device(target: int | str) -> tuple[str, str | None]:
    """What FFmpeg calls a camera, and the format that it reads cameras with."""
    if isinstance(target, str):
        return target, "v4l2" if target.startswith("/dev/video") else None
    if sys.platform == "linux":
        return f"/dev/video{target}", "v4l2"
    if sys.platform == "darwin":
        return str(target), "avfoundation"
    raise SourceError(
        f"camera {target}: PyAV finds no cameras by number on {sys.platform}",
        hint="pip install opencv-python",
    )
