"""Pumps: what brings a stream into a session, piece by piece, each when its time has come."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import logging
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from typing import Any, Literal, Protocol

from parhelion.errors import InvalidStateError, ParhelionError, SourceError
from parhelion.sources.base import AsyncSource, BlockingSource, Source

__all__ = ["Lane", "LoopPump", "Outlet", "Pump", "ThreadPump", "pump_for"]

_log = logging.getLogger("parhelion.sources")

# How often a pump that cannot send looks whether it can again, seconds.
_LOOK = 0.05
# For how long at once it waits to be told that there is room, seconds.
_ROOM = 0.5
# How long the end of a session waits for a source that is in the middle of something, seconds.
_PATIENCE = 0.5

_running: weakref.WeakSet[ThreadPump] = weakref.WeakSet()

Outcome = Literal["sent", "full", "not connected", "over"]


class Outlet(Protocol):
    """What a pump needs of a session."""

    async def drain(self) -> None:
        """Returns when there is room for another frame."""

    def _wait_for_room(self, timeout: float) -> bool:
        """The same for threads; whether there is room."""

    def get_connection_state(self) -> str:
        """The state of the session."""


class Lane(Protocol):
    """One half of a stream, video or audio: how its pieces are paced and sent."""

    def begin(self, source: Source) -> None:
        """Called once the source is open."""

    def delay(self, piece: Any) -> float | None:
        """Seconds to wait before the piece is sent; None: it is left out."""

    def send(self, session: Any, piece: Any) -> None:
        """Sends the piece."""

    @property
    def leaves_out(self) -> bool:
        """Whether a piece for which there is no room is left out, rather than kept waiting."""


class Pump:
    """Brings one source into one session.

    Holds its session weakly: one that nobody else holds ends, and the pump with it.
    """

    def __init__(self, source: Source, lane: Lane) -> None:
        self.source = source
        self._lane = lane
        self._session: Callable[[], Outlet | None] = lambda: None
        self._ended: Callable[[SourceError | None], None] = lambda _: None

    async def open(self) -> None:
        """Opens the source. Raises what it raises."""
        self._lane.begin(self.source)

    def start(
        self, session: Callable[[], Outlet | None], ended: Callable[[SourceError | None], None]
    ) -> None:
        """Begins to send.

        Args:
            session: Returns the session, while there is one.
            ended: Called in the loop when the source has ended, with its error if it failed.
        """
        self._session, self._ended = session, ended

    def stop(self) -> None:
        """Sends nothing more. From any thread."""
        raise NotImplementedError

    async def join(self) -> None:
        """Waits until the source has been left, but not for ever."""
        raise NotImplementedError

    def _attempt(self, piece: Any) -> Outcome:
        """Sends a piece if it can be sent now. Raises if it can never be."""
        session = self._session()
        if session is None:
            return "over"
        state = session.get_connection_state()
        if state == "disconnected":
            return "over"
        if state not in ("connected", "generating"):
            return "not connected"
        try:
            self._lane.send(session, piece)
        except InvalidStateError:
            return "over"
        except ParhelionError as error:
            if error.code != "QUEUE_FULL":
                raise
            return "full"
        return "sent"

    def _left_behind(self, what: str) -> None:
        _log.warning(
            "%s has not returned since the session ended; %s remains until it does",
            self.source.description,
            what,
        )


class ThreadPump(Pump):
    """For sources that may block: on a thread of their own.

    The thread is a daemon, since nothing makes an iterator return that does not want to.
    """

    source: BlockingSource

    def __init__(self, source: BlockingSource, lane: Lane) -> None:
        super().__init__(source, lane)
        self._loop = asyncio.get_running_loop()
        self._opened: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._left: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._go = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="parhelion-source", daemon=True)

    async def open(self) -> None:
        _running.add(self)
        self._thread.start()
        await asyncio.wrap_future(self._opened)
        await super().open()

    def start(
        self, session: Callable[[], Outlet | None], ended: Callable[[SourceError | None], None]
    ) -> None:
        super().start(session, ended)
        self._go.set()

    def stop(self) -> None:
        self._stop.set()
        self._go.set()

    async def join(self) -> None:
        if self._thread is threading.current_thread() or not self._thread.is_alive():
            return
        left = asyncio.wrap_future(self._left)
        done, _ = await asyncio.wait([left], timeout=_PATIENCE)
        if not done:
            left.cancel()  # nobody is there to be told later
            self._left_behind(f"its thread {self._thread.name!r}")

    def join_blocking(self) -> None:
        """The same at the end of the interpreter."""
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        try:
            self.source.open()
        except BaseException as failure:  # noqa: BLE001 - connect() raises it
            self._close()
            _set(self._left)
            _set(self._opened, failure)
            return
        _set(self._opened)
        if not self.source.is_live:
            self._go.wait()
        error = self._pump()
        self._close()
        _set(self._left)
        self._go.wait()
        if not self._stop.is_set():
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._ended, error)

    def _close(self) -> None:
        try:
            self.source.close()
        except Exception:  # noqa: BLE001 - it is over all the same
            _log.exception("%s could not be closed", self.source.description)

    def _pump(self) -> SourceError | None:
        """Sends until the source ends, and returns its error if it fails."""
        pieces: Iterator[Any] | None = None
        for number in count():
            try:
                pieces = self.source.pictures() if pieces is None else pieces
                piece = next(pieces, None)
            except BaseException as error:  # noqa: BLE001 - it is the user's
                return self.source.failed(number, error)
            if piece is None or self._stop.is_set():
                return None
            if not self._go.is_set():
                continue  # a live source goes on while the session connects
            try:
                if not self._send(piece):
                    return None
            except Exception as error:  # noqa: BLE001 - numpy may be asked to convert anything
                return self.source.refused(number, error)
        return None

    def _send(self, piece: Any) -> bool:
        """Sends a piece when it is due and there is room. Whether to go on."""
        delay = self._lane.delay(piece)
        if delay is None:
            return not self._stop.is_set()
        if self._stop.wait(delay):
            return False
        while not self._stop.is_set():
            outcome = self._attempt(piece)
            if outcome in ("sent", "over"):
                return outcome == "sent"
            if self.source.is_live and (outcome == "not connected" or self._lane.leaves_out):
                return True
            session = self._session() if outcome == "full" else None
            if session is not None:
                session._wait_for_room(_ROOM)  # noqa: SLF001 - same package
                del session
            else:
                self._stop.wait(_LOOK)
        return False


class LoopPump(Pump):
    """For async iterables: a task of the session's loop."""

    source: AsyncSource

    def __init__(self, source: AsyncSource, lane: Lane) -> None:
        super().__init__(source, lane)
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def start(
        self, session: Callable[[], Outlet | None], ended: Callable[[SourceError | None], None]
    ) -> None:
        super().start(session, ended)
        self._task = self._loop.create_task(self._run(), name="parhelion-source")

    def stop(self) -> None:
        self._stopped = True
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        # A source that ends its own session is not thrown out of that.
        if self._task is not None and asyncio.current_task() is not self._task:
            self._task.cancel()

    async def join(self) -> None:
        if self._task is None or self._task.done():
            return
        if asyncio.get_running_loop() is not self._loop or asyncio.current_task() is self._task:
            return
        self._cancel()
        done, _ = await asyncio.wait([self._task], timeout=_PATIENCE)
        if not done:
            self._left_behind("its task")

    async def _run(self) -> None:
        error = await self._pump()
        if not self._stopped:
            self._ended(error)

    async def _pump(self) -> SourceError | None:
        """As on a thread."""
        pieces: AsyncIterator[Any] | None = None
        for number in count():
            try:
                pieces = self.source.pictures() if pieces is None else pieces
                piece = await anext(pieces, None)
            except asyncio.CancelledError as error:
                if self._is_cancelled():
                    raise
                return self.source.failed(number, error)
            except Exception as error:  # noqa: BLE001 - it is the user's
                return self.source.failed(number, error)
            if piece is None or self._stopped:
                return None
            try:
                if not await self._send(piece):
                    return None
            except Exception as error:  # noqa: BLE001 - numpy may be asked to convert anything
                return self.source.refused(number, error)
        return None

    def _is_cancelled(self) -> bool:
        """Whether it is this task that is to end, rather than something that the source awaits."""
        cancelling = getattr(self._task, "cancelling", None)  # since Python 3.11
        return self._stopped or cancelling is None or cancelling() > 0

    async def _send(self, piece: Any) -> bool:
        delay = self._lane.delay(piece)
        if delay is None:
            return not self._stopped
        # Also without a delay: a source that never waits must not keep the loop to itself.
        await asyncio.sleep(delay)
        while not self._stopped:
            outcome = self._attempt(piece)
            if outcome in ("sent", "over"):
                return outcome == "sent"
            session = self._session() if outcome == "full" else None
            if session is not None:
                with contextlib.suppress(asyncio.TimeoutError, InvalidStateError):
                    await asyncio.wait_for(session.drain(), _ROOM)
                del session
            else:
                await asyncio.sleep(_LOOK)
        return False


def _set(future: concurrent.futures.Future[None], error: BaseException | None = None) -> None:
    with contextlib.suppress(concurrent.futures.InvalidStateError):  # who waited has given up
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def pump_for(source: Source, lane: Lane) -> Pump:
    """The pump for that kind of source. Needs a running loop."""
    if isinstance(source, AsyncSource):
        return LoopPump(source, lane)
    assert isinstance(source, BlockingSource)
    return ThreadPump(source, lane)


@atexit.register
def _stop_all() -> None:
    """A thread must not be in the middle of sending when the interpreter ends."""
    for pump in tuple(_running):
        pump.stop()
    for pump in tuple(_running):
        pump.join_blocking()
