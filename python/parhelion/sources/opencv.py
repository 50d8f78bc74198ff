"""Pictures from OpenCV: a capture of the user's, and what we open with it."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from typing import Any

from parhelion.errors import SourceError
from parhelion.frames import PixelFormat
from parhelion.sources.base import BlockingSource, Picture, Timeline

__all__ = ["CaptureSource", "is_capture", "open_capture"]

# Numbers of OpenCV's interface: who brings a capture has imported it, we need not.
_POSITION_MS = 0
_POSITION = 1
_RATE = 5
_FRAME_COUNT = 7
_CAMERA_BACKENDS = {"V4L", "V4L2", "AVFOUNDATION", "DSHOW", "MSMF", "OBSENSOR", "UEYE"}
_OPEN_TIMEOUT_MS = 10_000
_MAX_RATE = 1000.0
# How much of the pictures that a file claims to have must come; the number is often an estimate.
_COMPLETE = 0.9

_log = logging.getLogger("parhelion.sources")


def is_capture(stream: object) -> bool:
    """Whether it is a ``cv2.VideoCapture``, or behaves like one."""
    return not isinstance(stream, type) and all(
        callable(getattr(stream, name, None)) for name in ("read", "isOpened", "get")
    )


class CaptureSource(BlockingSource):
    """A ``cv2.VideoCapture`` that somebody else has opened, and will release."""

    def __init__(self, capture: Any) -> None:
        self.description = "the VideoCapture"
        self._capture = capture

    def open(self) -> None:
        if not self._capture.isOpened():
            raise SourceError(
                f"{self.description} is not opened",
                hint="isOpened() is False: the path, URL or index that it was made with does not "
                "work, or it has been released",
            )
        rate = self._number(_RATE)
        self.rate = rate if 0 < rate <= _MAX_RATE else None
        self.is_live = not self._number(_FRAME_COUNT) > 0
        self.is_camera = self.is_live and self._backend() in _CAMERA_BACKENDS

    def pictures(self) -> Iterator[Picture]:
        timeline = Timeline(self.rate)
        while True:
            ok, data = self._capture.read()
            if not ok or data is None:
                break
            if self.is_live:
                yield Picture(data, _layout(data))
                continue
            # The version decides which picture the time belongs to; the differences are the same.
            here = timeline.place(self._number(_POSITION_MS) / 1000)
            yield Picture(data, _layout(data), here, here)
        if self.is_live:
            raise SourceError(f"{self.description} gives no more pictures")
        # OpenCV does not tell an end from a picture that it cannot decode.
        done, expected = self._number(_POSITION), self._number(_FRAME_COUNT)
        if done < _COMPLETE * expected:
            _log.warning(
                "%s ended after %d of about %d pictures: it may be damaged",
                self.description,
                done,
                expected,
            )

    def _number(self, which: int) -> float:
        value = float(self._capture.get(which))
        return value if math.isfinite(value) else 0.0

    def _backend(self) -> str:
        name = getattr(self._capture, "getBackendName", str)
        return str(name()).upper()


def open_capture(cv2: Any, target: int | str, *, is_url: bool) -> Any:
    """A capture of ours; not opened if OpenCV cannot open it."""
    if is_url and cv2.CAP_FFMPEG in cv2.videoio_registry.getStreamBackends():
        # An address that does not answer would hold it for half a minute.
        limit = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _OPEN_TIMEOUT_MS]
        return cv2.VideoCapture(target, cv2.CAP_FFMPEG, limit)
    return cv2.VideoCapture(target)


def _layout(data: Any) -> PixelFormat:
    """How OpenCV lays out pixels: by their channels."""
    if data.ndim == 2 or data.shape[2] == 1:
        return "gray"
    return "bgra" if data.shape[2] == 4 else "bgr24"
