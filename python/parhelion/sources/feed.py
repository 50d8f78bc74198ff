"""Everything that is brought into one session: its video, its audio, or both."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Sequence
from functools import partial
from typing import Any

from parhelion.errors import ConnectTimeoutError, SourceError
from parhelion.sources.base import Source
from parhelion.sources.pump import Lane, Pump, pump_for
from parhelion.sources.video import VideoLane

__all__ = ["Feed"]


class Feed:
    """The sources of one session, from the time they are opened to the time they are left.

    Needs a running loop, and belongs to it.
    """

    def __init__(self, halves: Sequence[tuple[Source, Lane]]) -> None:
        self._pumps: list[Pump] = [pump_for(source, lane) for source, lane in halves]
        self._has_video = [isinstance(lane, VideoLane) for _, lane in halves]
        self._videos = sum(self._has_video)
        self._session: weakref.ref[Any] | None = None

    @property
    def is_camera(self) -> bool:
        """Whether the video comes from a camera. Known once the feed is open."""
        return any(pump.source.is_camera for pump in self._pumps)

    async def open(self, timeout: float) -> None:
        """Opens the sources.

        Raises:
            SourceError: One cannot be opened.
            ConnectTimeoutError: One takes too long.
        """
        opening = asyncio.gather(*(pump.open() for pump in self._pumps))
        try:
            await asyncio.wait_for(opening, timeout)
        except asyncio.TimeoutError:
            self.stop()
            names = " and ".join(pump.source.description for pump in self._pumps)
            raise ConnectTimeoutError(
                f"{names} did not open within {timeout} s", operation="connect"
            ) from None
        except BaseException as error:
            self.stop()
            if isinstance(error, SourceError):
                error.operation = "connect"
            raise

    def start(self, session: Any) -> None:
        """Begins to send. The session is told of the end by its ``_source_ended``."""
        # Who holds the session decides how long it lives; a feed is not among them.
        self._session = weakref.ref(session, lambda _: self.stop())
        for pump, has_video in zip(self._pumps, self._has_video, strict=True):
            pump.start(self._session, partial(self._ended, has_video))

    def stop(self) -> None:
        """Sends nothing more. From any thread."""
        for pump in self._pumps:
            pump.stop()

    async def join(self) -> None:
        """Waits until the sources have been left, but not for longer than half a second."""
        await asyncio.gather(*(pump.join() for pump in self._pumps))

    def _ended(self, has_video: bool, error: SourceError | None) -> None:
        self._videos -= has_video
        if error is not None:
            # One half alone is not what was asked for.
            self.stop()
        session = None if self._session is None else self._session()
        # No more pictures come when the video has ended; audio may go on, or end before it.
        if session is not None and (error is not None or (has_video and not self._videos)):
            session._source_ended(error)  # noqa: SLF001 - same package
