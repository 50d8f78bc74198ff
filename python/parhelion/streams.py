"""What comes back: the remote stream, and who waits for its frames."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

from parhelion import _core
from parhelion.errors import (
    ConnectTimeoutError,
    DisconnectedError,
    InvalidStateError,
    ParhelionError,
)
from parhelion.events import Emitter
from parhelion.frames import Frame, PixelFormat

if TYPE_CHECKING:
    from parhelion.session import Session

__all__ = ["RemoteStream"]


class RemoteStream:
    """What the service sends back; the same object as long as its session lives.

    It is ``remote_stream`` of a session, and what ``on_remote_stream`` is called with. A reconnect
    changes nothing about it. Who holds it holds the session.
    """

    __slots__ = ("__weakref__", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session

    async def recv(self, *, timeout: float | None = None) -> Frame:
        """The next transformed frame. A reader that is late gets the newest, never an old one.

        Args:
            timeout: Seconds to wait; None waits for ever.

        Raises:
            ConnectTimeoutError: A ``TimeoutError``: no frame came in time.
            DisconnectedError: The session is over.
        """
        return await self._session._inbox.recv(timeout)  # noqa: SLF001 - same package

    async def frames(self) -> AsyncIterator[Frame]:
        """Transformed frames until the session ends. Raises the error if it ended with one."""
        while True:
            try:
                frame = await self.recv()
            except DisconnectedError as ended:
                if isinstance(ended.__cause__, ParhelionError):
                    raise ended.__cause__ from None
                return
            yield frame

    def __repr__(self) -> str:
        return f"<RemoteStream of {self._session!r}>"


class Inbox:
    """Hands the frames of a session to those who wait for them; the others wait in the core.

    Belongs to the event loop it was made in.
    """

    def __init__(self, core: _core.Session, format: PixelFormat, emitter: Emitter) -> None:
        self._loop = asyncio.get_running_loop()
        self._core = core
        self._format: PixelFormat = format
        self._emitter = emitter
        self._receivers: deque[asyncio.Future[Frame]] = deque()
        self._answers: dict[int, asyncio.Future[Frame]] = {}
        self._closed = False
        # Why the session ended, unless its owner ended it.
        self.failure: ParhelionError | None = None
        self.leaving = False

    async def recv(self, timeout: float | None) -> Frame:
        """The next frame; see :meth:`RemoteStream.recv`."""
        self.check_loop("recv")
        if not self._receivers and (frame := self._take()) is not None:
            if self._emitter.has("frame"):
                self._emitter.emit("frame", frame)
            return frame
        if self._closed or self._core.state == "disconnected":
            raise self.gone("recv")
        receiver: asyncio.Future[Frame] = self._loop.create_future()
        self._receivers.append(receiver)
        self.deliver()
        try:
            return await asyncio.wait_for(receiver, timeout)
        except asyncio.TimeoutError:
            raise ConnectTimeoutError(
                f"no frame came within {timeout} s", operation="recv"
            ) from None

    def expect(self, input_id: int, answer: asyncio.Future[Frame]) -> None:
        """Gives the frame that is made from that input to ``answer`` too."""
        self._answers[input_id] = answer
        self.deliver()

    def forget(self, input_ids: Iterable[int]) -> None:
        """Nobody expects the frames of those inputs any more."""
        for input_id in input_ids:
            self._answers.pop(input_id, None)

    def fail_answers(self, error: ParhelionError) -> None:
        """What is expected will not come."""
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)

    def deliver(self) -> None:
        """Hands out frames while somebody wants one."""
        while self._wanted():
            frame = self._take()
            if frame is None:
                return
            self._route(frame)

    def close(self) -> None:
        """Nobody waits for a frame of a session that is over."""
        self._closed = True
        self.deliver()
        error = self.gone("recv")
        self.fail_answers(error)
        while self._receivers:
            receiver = self._receivers.popleft()
            if not receiver.done():
                receiver.set_exception(error)

    def gone(self, operation: str) -> ParhelionError:
        """What to raise when the session is over."""
        error = DisconnectedError(
            "the session is over",
            operation=operation,
            hint="open a new one with client.realtime.connect()",
        )
        error.__cause__ = None if self.leaving else self.failure
        return error

    def check_loop(self, operation: str) -> None:
        """Whoever waits does so in the session's own loop."""
        if asyncio.get_running_loop() is not self._loop:
            raise InvalidStateError(
                "the session belongs to another event loop",
                operation=operation,
                hint="await it in the loop that connect() ran in",
            )

    def _wanted(self) -> bool:
        while self._receivers and self._receivers[0].done():
            self._receivers.popleft()
        return bool(self._receivers or self._answers or self._emitter.has("frame"))

    def _take(self) -> Frame | None:
        taken = self._core.try_recv()
        if taken is None:
            return None
        data, input_id, capture_time, timestamp, latency = taken
        return Frame(
            data,
            format=self._format,
            input_id=input_id,
            capture_time=capture_time,
            timestamp=timestamp,
            latency=latency,
        )

    def _route(self, frame: Frame) -> None:
        if frame.input_id is None:
            # A service that names no inputs: the oldest question gets the next answer.
            matching = next(iter(self._answers.values()), None)
        else:
            matching = self._answers.get(frame.input_id)
        if matching is not None and not matching.done():
            matching.set_result(frame)
        while self._receivers:
            receiver = self._receivers.popleft()
            if not receiver.done():
                receiver.set_result(frame)
                break
        if self._emitter.has("frame"):
            self._emitter.emit("frame", frame)
