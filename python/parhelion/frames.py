"""Frames: pixels, and where they come from."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from parhelion import _core
from parhelion.errors import InvalidInputError

__all__ = ["Frame", "PixelFormat"]

PixelFormat = Literal["rgb24", "bgr24", "rgba", "bgra", "gray", "i420"]


def checked_format(format: object, operation: str) -> PixelFormat:
    """The name of a pixel format."""
    for known in _core.pixel_formats():
        if isinstance(format, str) and format == known:
            return known
    raise InvalidInputError(
        f"the format must be one of {', '.join(_core.pixel_formats())}; got {format!r}",
        operation=operation,
    )


def as_frame(frame: object, operation: str = "send") -> npt.NDArray[Any]:
    """The array of anything that is one; its shape and dtype are checked by the core."""
    if isinstance(frame, np.ndarray):
        return frame
    try:
        return np.asarray(frame)
    except Exception as error:  # what __array__ of others may raise
        raise InvalidInputError(
            f"expected an array, got {type(frame).__name__}, which numpy makes none of: {error}",
            operation=operation,
        ) from error


class Frame:
    """One transformed frame.

    Usable wherever an array is expected (``np.asarray(frame)`` copies nothing).

    Attributes:
        data: The pixels, uint8, C-contiguous and writable. Shape (H, W, 3) for ``rgb24`` and
            ``bgr24``, (H, W, 4) for ``rgba`` and ``bgra``, (H, W) for ``gray``,
            (H * 3 / 2, W) for ``i420``.
        format: The layout of ``data``.
        input_id: What :meth:`RealTimeClient.send` returned for the frame this one was made from.
            None if the service does not tell (it has not negotiated abs-capture-time).
        capture_time: When that frame was sent, in seconds since the Unix epoch; None as above.
        timestamp: What was passed to ``send`` as its ``timestamp``; None as above.
        latency: Seconds from ``send`` of that frame to this one being ready; None as above.
        received_at: When this frame was ready here, in seconds since the Unix epoch.
    """

    __slots__ = (
        "capture_time",
        "data",
        "format",
        "input_id",
        "latency",
        "received_at",
        "timestamp",
    )

    def __init__(
        self,
        data: npt.NDArray[np.uint8],
        *,
        format: PixelFormat = "rgb24",
        input_id: int | None = None,
        capture_time: float | None = None,
        timestamp: float | None = None,
        latency: float | None = None,
        received_at: float | None = None,
    ) -> None:
        self.data = data
        self.format: PixelFormat = format
        self.input_id = input_id
        self.capture_time = capture_time
        self.timestamp = timestamp
        self.latency = latency
        self.received_at = received_at

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of ``data``."""
        return self.data.shape

    @property
    def width(self) -> int:
        """Width of the picture in pixels."""
        return int(self.data.shape[1])

    @property
    def height(self) -> int:
        """Height of the picture in pixels."""
        rows = int(self.data.shape[0])
        return rows * 2 // 3 if self.format == "i420" else rows

    def to(self, format: PixelFormat) -> npt.NDArray[np.uint8]:
        """The pixels in another format: ``data`` itself if it has it already, else a new array.

        Colour is BT.601 where a conversion to or from ``gray`` or ``i420`` needs it.

        Raises:
            InvalidInputError: The format is unknown.
        """
        if format == self.format:
            return self.data
        checked_format(format, "to")
        return _core.convert(self.data, self.format, format)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if dtype is not None and np.dtype(dtype) != self.data.dtype:
            if copy is False:
                raise ValueError(f"a uint8 frame cannot become {np.dtype(dtype)} without a copy")
            return self.data.astype(dtype)
        return self.data.copy() if copy else self.data

    def __repr__(self) -> str:
        latency = "" if self.latency is None else f", latency={self.latency * 1e3:.1f} ms"
        return (
            f"<Frame {self.width}x{self.height} {self.format}, input_id={self.input_id}{latency}>"
        )
