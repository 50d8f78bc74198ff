"""The pictures of a stream: at which rate they are sent, and how."""

from __future__ import annotations

from typing import Any, Literal

from parhelion.errors import InvalidInputError
from parhelion.sources.base import Picture, Source
from parhelion.sources.pace import Pace

__all__ = ["SendPolicy", "VideoLane"]

SendPolicy = Literal["latest", "all", "wait"]


class VideoLane:
    """How pictures go into a session.

    Args:
        policy: What the session does with frames that come too fast. ``wait``: there is no hurry,
            so pictures go as fast as they come back, unless a rate is asked for.
        fps: Pictures a second, if somebody has asked for a rate.
        model_fps: For sources that have none of their own.
    """

    def __init__(self, policy: SendPolicy, fps: float | None, model_fps: float) -> None:
        self._policy = policy
        self._fps = fps
        self._model_fps = model_fps
        self._pace: Pace | None = None
        self._is_live = False

    def begin(self, source: Source) -> None:
        """Decides on the rate."""
        self._is_live = source.is_live
        if self._fps is not None:
            self._pace = Pace(self._fps)
        elif not source.is_live and self._policy != "wait":
            self._pace = Pace(source.rate or self._model_fps)

    def delay(self, picture: Picture) -> float | None:
        """Seconds to wait; None: the picture of a camera that is faster than was asked for."""
        if self._pace is None:
            return 0.0
        if self._is_live:
            return 0.0 if self._pace.allows() else None
        return self._pace.wait(picture.position if self._fps is None else None)

    @property
    def leaves_out(self) -> bool:
        """What is live and has to wait is old: the next picture is the better one."""
        return self._policy == "wait"

    def send(self, session: Any, picture: Picture) -> None:
        """Sends it in its own format, whatever the session's is."""
        data = picture.data
        if data is None or isinstance(data, (str, bytes, int, float, tuple, dict)):
            # What numpy would make of these says nothing to who reads the error.
            raise InvalidInputError(
                f"expected an array or a Frame, got {type(data).__name__}",
                hint="a Frame carries a format and a timestamp, where a picture needs them",
            )
        session.send(data, format=picture.format, timestamp=picture.timestamp)
