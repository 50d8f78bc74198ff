"""What comes back: the remote stream, and who waits for its frames."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import threading
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from parhelion import _core
from parhelion.audio import AudioFrame
from parhelion.errors import (
    ConnectTimeoutError,
    DisconnectedError,
    InvalidStateError,
    ParhelionError,
    SourceError,
)
from parhelion.events import Emitter
from parhelion.frames import Frame, PixelFormat
from parhelion.limits import checked_wait

if TYPE_CHECKING:
    from parhelion.session import Session

__all__ = ["RemoteStream"]

# Seconds without a frame after which the last ones of a source that has ended are lost. A model
# that is slower is given twice the time that it took for a frame before.
_PATIENCE = 2.0
_FIRST_PATIENCE = 10.0
_LONGEST_PATIENCE = 30.0
# Seconds after which frames with unknown stamps are taken for answers.
_STRANGE_SECONDS = 2.0
# A thread that waits for a frame looks this often whether its source has ended.
_LOOK_SECONDS = 0.1
# How long it waits for the news of the end when no more frames can come.
_END_SECONDS = 1.0


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
            InvalidStateError: The stream given to ``connect`` has ended, and nothing that was sent
                is on its way any more.
            SourceError: That stream has failed, likewise.
        """
        inbox = self._session._inbox  # noqa: SLF001 - same package
        frame = await inbox.recv(timeout)
        if frame is None:
            raise inbox.source_ended("recv")
        return frame

    async def frames(self) -> AsyncIterator[Frame]:
        """Transformed frames until the session ends, or the stream that was given to ``connect``.

        Raises the error if either ended with one. When the stream has ended the session goes on:
        what is given to ``send`` then comes back in another loop over ``frames()``.
        """
        inbox = self._session._inbox  # noqa: SLF001 - same package
        while True:
            try:
                frame = await inbox.recv(None)
            except DisconnectedError as ended:
                if isinstance(ended.__cause__, ParhelionError):
                    raise ended.__cause__ from None
                return
            if frame is None:
                error = inbox.source_ended("frames")
                if isinstance(error, SourceError):
                    raise error
                return
            yield frame

    async def recv_audio(self, *, timeout: float | None = None) -> AudioFrame:
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
        return await self._session._sound.recv(timeout)  # noqa: SLF001 - same package

    async def audio_frames(self) -> AsyncIterator[AudioFrame]:
        """Sound until the session ends. Raises the error if it ended with one."""
        while True:
            try:
                frame = await self.recv_audio()
            except DisconnectedError as ended:
                if isinstance(ended.__cause__, ParhelionError):
                    raise ended.__cause__ from None
                return
            yield frame

    def __repr__(self) -> str:
        return f"<RemoteStream of {self._session!r}>"


@dataclasses.dataclass
class _Finish:
    """The source has ended; what was sent may still come back."""

    error: SourceError | None
    looks: int = 0
    seen: tuple[object, ...] = ()
    """What had been sent, had come and had been taken at the last look."""
    given_up: int = -1
    """The newest input that does not come back."""


class Inbox:
    """Hands the frames of a session to those who wait for them; the others wait in the core.

    Belongs to the event loop it was made in.
    """

    def __init__(self, core: _core.Session, format: PixelFormat, emitter: Emitter) -> None:
        self._loop = asyncio.get_running_loop()
        self._core = core
        self._format: PixelFormat = format
        self._emitter = emitter
        self._receivers: deque[asyncio.Future[Frame | None]] = deque()
        self._answers: dict[int, asyncio.Future[Frame]] = {}
        self._closed = threading.Event()
        self._finish: _Finish | None = None
        # The newest input that was sent, and the newest that somebody has got back.
        self._sent = -1
        self._taken = -1
        self._first_question: float | None = None
        self._takings = 0
        self._longest = 0.0
        # Threads that wait in the core themselves; the frame is theirs then.
        self._threads = 0
        self._lock = threading.Lock()
        # The newest frame that anybody got, for those who want one that others may have taken.
        self.keeps_newest = False
        self.newest: Frame | None = None
        # Why the session ended, unless its owner ended it.
        self.failure: ParhelionError | None = None
        self.leaving = False

    async def recv(self, timeout: float | None) -> Frame | None:
        """The next frame; see :meth:`RemoteStream.recv`. None: the source has ended."""
        self.check_loop("recv")
        timeout = checked_wait(timeout, "recv")
        if not self._receivers and (frame := self._take()) is not None:
            if self._emitter.has("frame"):
                self._emitter.emit("frame", frame)
            return frame
        if self._closed.is_set():
            raise self.gone("recv")
        if self.is_finished():
            return None
        receiver: asyncio.Future[Frame | None] = self._loop.create_future()
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
        if self._first_question is None:
            self._first_question = self._loop.time()
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
        while True:
            wanted = self._wanted()
            self._core.ring_for_frames(wanted)
            if not wanted or self._threads or (frame := self._take()) is None:
                break
            self._route(frame)
        if self.is_finished():
            self._release(None)

    def take_in_thread(self, timeout: float | None) -> Frame | None:
        """Waits for the next frame on a thread that is not the loop's, and without the loop.

        None: it did not come in time, the source has ended, or the session is over.
        """
        timeout = checked_wait(timeout, "recv")
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        with self._lock:
            self._threads += 1
        frame = None
        try:
            while True:
                left, finished = deadline - time.monotonic(), self.is_finished()
                wait = 0 if finished else min(left, _LOOK_SECONDS)
                frame = self._made(self._core.recv(wait))
                if frame is not None or finished or wait == left or not self.is_open():
                    break
        finally:
            with self._lock:
                self._threads -= 1
            self._share(frame)
        return frame

    def is_open(self) -> bool:
        """Whether more frames can come, as far as the core knows."""
        return self._core.state != "disconnected"

    def end_in_thread(self, operation: str) -> ParhelionError:
        """What to raise in a thread when the session is over."""
        # The news of why is on its way to the loop; a handler may block that.
        self._closed.wait(_END_SECONDS)
        return self.gone(operation)

    def take_now(self) -> Frame | None:
        """The next frame if one waits, for a thread that is not the loop's."""
        frame = self._take()
        if frame is not None:
            self._share(frame)
        return frame

    def _share(self, frame: Frame | None) -> None:
        """Lets those in the loop have what a thread has taken, or has left them to take."""
        if self._answers or self._emitter.has("frame"):
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._pass_on, frame)

    def _pass_on(self, frame: Frame | None) -> None:
        if frame is not None:
            self._route(frame)
        self.deliver()

    def close(self) -> None:
        """Nobody waits for a frame of a session that is over."""
        self._closed.set()
        self.deliver()
        error = self.gone("recv")
        self.fail_answers(error)
        self._release(error)

    def _release(self, error: ParhelionError | None) -> None:
        """Nobody waits any more: there is an error, or there will be no more frames."""
        while self._receivers:
            receiver = self._receivers.popleft()
            if receiver.done():
                continue
            if error is None:
                receiver.set_result(None)
            else:
                receiver.set_exception(error)

    # The end of a source -----------------------------------------------------------------------

    def sent(self, input_id: int) -> None:
        """A frame is on its way. From any thread."""
        self._sent = max(self._sent, input_id)

    def finish(self, error: SourceError | None) -> None:
        """The source has ended: who waits is let go when nothing is on its way any more."""
        self._finish = _Finish(error)
        self._look()

    def is_finished(self) -> bool:
        """Whether the source has ended, and everything that was sent has come back or is lost."""
        finish = self._finish
        return finish is not None and max(self._taken, finish.given_up) >= self._sent

    def source_ended(self, operation: str) -> ParhelionError:
        """What to raise when no more frames come of a session that goes on."""
        if self._finish is not None and self._finish.error is not None:
            return self._finish.error
        return InvalidStateError(
            "the stream given to connect() has ended, and all that was sent has come back",
            operation=operation,
            hint="the session goes on: send() works, and disconnect() ends it",
        )

    def _look(self) -> None:
        """Whether anything has come since the last look; if not, the rest is lost."""
        finish = self._finish
        if finish is None or self._closed.is_set():
            return
        up = self._core.state in ("connected", "generating")
        if up and self._is_read() and not self.is_finished():
            received = self._core.stats()["frames_received"]
            seen = (self._sent, received, self._takings)
            # Of a service that names no inputs nobody knows which frame is the last.
            endless = self._taken < 0 and finish.looks > _LONGEST_PATIENCE / _PATIENCE
            if seen == finish.seen or endless:
                finish.given_up = self._sent
            finish.seen = seen
            finish.looks += 1
        else:
            finish.seen = ()  # while nobody reads, frames may be kept from coming
        self.deliver()
        # Weak: what is on its way keeps no session alive.
        self._loop.call_later(self._patience(), _look_again, weakref.ref(self))

    def _is_read(self) -> bool:
        """Whether somebody waits for the next frame, whatever it is."""
        return bool(self._receivers or self._threads or self._emitter.has("frame"))

    def _patience(self) -> float:
        if not self._longest and self._taken < 0:
            return _FIRST_PATIENCE
        return min(max(_PATIENCE, 2 * self._longest), _LONGEST_PATIENCE)

    def gone(self, operation: str) -> ParhelionError:
        """What to raise when the session is over."""
        error = DisconnectedError(
            "the session is over",
            operation=operation,
            hint="open a new one with client.realtime.connect()",
        )
        error.__cause__ = None if self.leaving else self.failure
        return error

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Whoever calls a session that is over hears what ended it, as the cause."""
        try:
            yield
        except InvalidStateError as error:
            if self._core.state == "disconnected" and not self.leaving:
                # The event of it may still be on its way to the loop.
                error.__cause__ = self.failure or self._core.ended_with
            raise

    def check_loop(self, operation: str) -> None:
        """Whoever waits does so in the session's own loop."""
        _core.check_process(operation)
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
        return self._made(self._core.try_recv())

    def _made(self, taken: tuple[Any, ...] | None) -> Frame | None:
        if taken is None:
            return None
        data, input_id, capture_time, timestamp, latency, received_at = taken
        with self._lock:
            self._takings += 1
            if input_id is not None:
                self._taken = max(self._taken, input_id)
            if latency is not None:
                self._longest = max(self._longest, latency)
        frame = Frame(
            data,
            format=self._format,
            input_id=input_id,
            capture_time=capture_time,
            timestamp=timestamp,
            latency=latency,
            received_at=received_at,
        )
        if self.keeps_newest:
            self.newest = frame
        return frame

    def _names_nothing(self) -> bool:
        """Whether the service stamps its frames with times of its own.

        Nothing has ever come back under the name that it was sent with, though somebody waited.
        """
        if self._taken >= 0 or self._first_question is None:
            return False
        return self._loop.time() - self._first_question > _STRANGE_SECONDS

    def _route(self, frame: Frame) -> None:
        if frame.input_id is not None:
            matching = self._answers.get(frame.input_id)
        elif frame.capture_time is None or self._names_nothing():
            # A service that names no inputs: the oldest question gets the next answer.
            matching = next(iter(self._answers.values()), None)
        else:
            # The service's own picture: it was made from nothing that was sent.
            matching = None
        if matching is not None and not matching.done():
            matching.set_result(frame)
        while self._receivers:
            receiver = self._receivers.popleft()
            if not receiver.done():
                receiver.set_result(frame)
                break
        if self._emitter.has("frame"):
            self._emitter.emit("frame", frame)


def _look_again(inbox: weakref.ref[Inbox]) -> None:
    if (held := inbox()) is not None:
        held._look()  # noqa: SLF001 - same module
