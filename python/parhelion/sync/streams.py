"""What comes back, for callers that wait on their own thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import parhelion.streams
from parhelion.audio import AudioFrame
from parhelion.errors import (
    ConnectTimeoutError,
    DisconnectedError,
    InvalidStateError,
    ParhelionError,
)
from parhelion.frames import Frame

if TYPE_CHECKING:
    from parhelion.sync.background import Background

__all__ = ["RemoteStream"]


class RemoteStream:
    """What the service sends back; the same object as long as its session lives.

    It is ``remote_stream`` of a session, and what ``on_remote_stream`` is called with. A reconnect
    changes nothing about it. Who holds it holds the session.

    Any thread may read, several at once: each frame goes to one of them.
    """

    __slots__ = ("__weakref__", "_background", "_inbox", "_stream")

    def __init__(self, stream: parhelion.streams.RemoteStream, background: Background) -> None:
        self._stream = stream
        self._inbox = stream._session._inbox  # noqa: SLF001 - same package
        self._background = background

    def recv(self, *, timeout: float | None = None) -> Frame:
        """The next transformed frame. A reader that is late gets the newest, never an old one.

        Args:
            timeout: Seconds to wait; None waits for ever.

        Raises:
            ConnectTimeoutError: A ``TimeoutError``: no frame came in time.
            DisconnectedError: The session is over.
            InvalidStateError: The stream given to ``connect`` has ended, and nothing that was sent
                is on its way any more.
            SourceError: That stream has failed, likewise.
        """
        self._background.check("recv")
        # In the core and on this thread: the way through the loop would cost more than the frame.
        frame = self._inbox.take_in_thread(timeout)
        if frame is not None:
            return frame
        if not self._inbox.is_open():
            raise self._inbox.end_in_thread("recv")
        if self._inbox.is_finished():
            raise self._inbox.source_ended("recv")
        raise ConnectTimeoutError(f"no frame came within {timeout} s", operation="recv")

    def frames(self) -> Iterator[Frame]:
        """Transformed frames until the session ends, or the stream that was given to ``connect``.

        Raises the error if either ended with one. When the stream has ended the session goes on:
        what is given to ``send`` then comes back in another loop over ``frames()``.
        """
        while True:
            try:
                frame = self.recv()
            except DisconnectedError as ended:
                if isinstance(ended.__cause__, ParhelionError):
                    raise ended.__cause__ from None
                return
            except InvalidStateError:
                if self._inbox.is_finished():
                    return
                raise
            yield frame

    def recv_audio(self, *, timeout: float | None = None) -> AudioFrame:
        """The next 20 ms of sound. Up to a second waits for a reader; then the oldest is dropped.

        Needs a session with audio: of a model that is driven by it, with a stream that has audio,
        or with ``audio=True``.

        Args:
            timeout: Seconds to wait; None waits for ever.

        Raises:
            ConnectTimeoutError: A ``TimeoutError``: no sound came in time.
            DisconnectedError: The session is over.
            InvalidStateError: The session was opened without audio.
        """
        recv_audio = self._stream.recv_audio
        return self._background.run("recv_audio", lambda: recv_audio(timeout=timeout), timeout)

    def audio_frames(self) -> Iterator[AudioFrame]:
        """Sound until the session ends. Raises the error if it ended with one."""
        while True:
            try:
                frame = self.recv_audio()
            except DisconnectedError as ended:
                if isinstance(ended.__cause__, ParhelionError):
                    raise ended.__cause__ from None
                return
            yield frame

    def __repr__(self) -> str:
        return repr(self._stream)
