"""What every session has, whether it sends video or only watches: events, a state, an end."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from parhelion import _core
from parhelion.audio import AudioInbox
from parhelion.errors import InvalidApiKeyError, ModelFailedError, ServerError, SourceError
from parhelion.events import ConnectionState, Emitter, EventName, Handler
from parhelion.frames import Frame
from parhelion.keys import KeyProvider, ask
from parhelion.statistics import Stats
from parhelion.streams import Inbox, RemoteStream

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Session"]

_HELD = 1024

_live: weakref.WeakSet[Session] = weakref.WeakSet()


class Session:
    """A session with a service.

    Belongs to the event loop it was opened in: handlers run there, and the coroutines are to be
    awaited there. :meth:`disconnect` works from any thread or loop.
    """

    def __init__(
        self,
        options: dict[str, Any],
        *,
        key: KeyProvider | None = None,
        on_queue_position: Callable[..., Any] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._emitter = Emitter()
        self._key = key
        self._asking: set[asyncio.Task[None]] = set()
        self._on_queue_position = on_queue_position
        # Events wait here until handlers can have been registered.
        self._held: deque[tuple[Any, ...]] | None = deque(maxlen=_HELD)
        this = weakref.ref(self)
        loop = self._loop

        def wake() -> None:
            # A weak reference: the core must not keep its owner alive.
            session = this()
            if session is not None:
                loop.call_soon_threadsafe(session._wake)  # noqa: SLF001 - same class

        self._core = _core.Session(options, wake)
        self._inbox = Inbox(self._core, options["format"], self._emitter)
        self._sound = AudioInbox(self._core, self._inbox.check_loop, self._inbox.gone)
        # Weak, since the stream holds the session: one that nobody holds must end at once.
        self._remote_stream: weakref.ref[RemoteStream] | None = None
        _live.add(self)

    async def _connect(self, on_remote_stream: Callable[[RemoteStream], Any] | None) -> None:
        try:
            await self._core.connect()
        except BaseException:
            self._core.abort()
            self._held = None
            raise
        if on_remote_stream is not None:
            self._emitter.call("on_remote_stream", on_remote_stream, self.remote_stream)
        # Handlers that the caller registers right after the await are in time for what happened.
        self._loop.call_soon(self._release)

    def _release(self) -> None:
        held, self._held = self._held, None
        for event in held or ():
            self._emit(event)
        self._wake()

    # Events ------------------------------------------------------------------------------------

    def _wake(self) -> None:
        for event in self._core.drain():
            if event[0] == "key_wanted":
                # Kept, as the loop keeps no task.
                task = self._loop.create_task(self._give_key())
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)
                continue
            if event[0] == "queue_position" and self._on_queue_position is not None:
                # Told at once: whoever waits wants to know while it waits.
                self._emitter.call("on_queue_position", self._on_queue_position, *event[1:])
            self._report(event)
        self._inbox.deliver()
        self._sound.deliver()

    async def _give_key(self) -> None:
        try:
            key = await ask(self._key or "")
        except InvalidApiKeyError as error:
            self._core.give_key(None, error.message)
        except Exception as error:  # noqa: BLE001 - it is the user's
            self._core.give_key(None, f"api_key() raised {type(error).__name__}: {error}")
        else:
            self._core.give_key(key, None)

    def _report(self, event: tuple[Any, ...]) -> None:
        if self._held is not None:
            self._held.append(event)
        else:
            self._emit(event)

    def _emit(self, event: tuple[Any, ...]) -> None:
        name, *payload = event
        if name == "stats":
            if self._emitter.has(name):
                self._emitter.emit(name, self.stats())
            return
        if name == "error":
            # The frame that a model fails on never comes back; who waits for one should know.
            error = payload[0]
            if isinstance(error, (ModelFailedError, ServerError)):
                self._inbox.fail_answers(error)
            if not isinstance(error, (ModelFailedError, SourceError)):
                self._inbox.failure = error
        elif name == "connection_change" and payload[0] == "disconnected":
            self._inbox.close()
            self._sound.close()
        elif name in ("connection_change", "generation_tick"):
            # It went on after all.
            self._inbox.failure = None
        self._emitter.emit(name, *payload)

    def on(self, event: EventName | str, handler: Handler) -> None:
        """Calls ``handler`` on every ``event``, in this session's event loop.

        Handlers may be functions or coroutine functions. What happened while ``connect`` was
        pending is delivered to handlers that are registered right after it.

        ========================  ===========================================================
        event                     handler is called with
        ========================  ===========================================================
        ``connection_change``     the new state, a str
        ``error``                 a :class:`ParhelionError`
        ``generation_tick``       seconds generated so far, a float
        ``generation_ended``      the reason, a str
        ``queue_position``        position and size of the queue, an int and an int or None
        ``stats``                 a :class:`Stats`, each ``stats_interval`` seconds
        ``diagnostic``            a name and a dict; ``prompt`` says what became of a prompt
        ``frame``                 every :class:`Frame`, also those that ``recv`` returns
        ========================  ===========================================================

        The spellings of the JavaScript interface (``connectionChange``, …) mean the same.

        Raises:
            InvalidInputError: The event is unknown, or the handler cannot be called.
        """
        self._emitter.add(event, handler, once=False)
        self._loop.call_soon_threadsafe(self._wake)

    def once(self, event: EventName | str, handler: Handler) -> None:
        """Like :meth:`on`, for the next such event only."""
        self._emitter.add(event, handler, once=True)
        self._loop.call_soon_threadsafe(self._wake)

    def off(self, event: EventName | str, handler: Handler) -> None:
        """Removes a handler. One that is not registered is no error."""
        self._emitter.remove(event, handler)

    # State -------------------------------------------------------------------------------------

    def is_connected(self) -> bool:
        """Whether frames can flow: the state is ``connected`` or ``generating``."""
        return self._core.state in ("connected", "generating")

    def get_connection_state(self) -> ConnectionState:
        """The state of the session now; the ``connection_change`` event tells each change."""
        return self._core.state

    @property
    def session_id(self) -> str | None:
        """The service's name for the session; another one after a reconnect."""
        session = self._core.session
        return None if session is None else session[0]

    def stats(self) -> Stats:
        """Numbers of the session: frames, rates, latency, drops by place and reason, quality."""
        return Stats._from_core(self._core.stats())  # noqa: SLF001 - same package

    # What comes back ---------------------------------------------------------------------------

    @property
    def remote_stream(self) -> RemoteStream:
        """What the service sends back: one object for the life of the session."""
        stream = None if self._remote_stream is None else self._remote_stream()
        if stream is None:
            stream = RemoteStream(self)
            self._remote_stream = weakref.ref(stream)
        return stream

    async def recv(self, *, timeout: float | None = None) -> Frame:
        """The same as :meth:`RemoteStream.recv`."""
        return await self.remote_stream.recv(timeout=timeout)

    def frames(self) -> AsyncIterator[Frame]:
        """The same as :meth:`RemoteStream.frames`."""
        return self.remote_stream.frames()

    # The end -----------------------------------------------------------------------------------

    async def disconnect(self) -> None:
        """Ends the session. May be called again, from anywhere; returns within a second."""
        self._leave()
        await self._core.disconnect()
        if asyncio.get_running_loop() is self._loop:
            self._held_or_wake()
        else:
            with contextlib.suppress(RuntimeError):  # the session's loop is closed
                self._loop.call_soon_threadsafe(self._held_or_wake)

    def _leave(self) -> None:
        self._inbox.leaving = self._inbox.leaving or self._core.state != "disconnected"

    def _held_or_wake(self) -> None:
        if self._held is None:
            self._wake()
        else:
            self._release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.disconnect()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._core.state}, session_id={self.session_id}>"


@atexit.register
def disconnect_all() -> None:
    """An interpreter that ends leaves no session behind on the service."""
    for session in tuple(_live):
        if session._core.state != "disconnected":  # noqa: SLF001 - same module
            session._core.disconnect_blocking()  # noqa: SLF001 - same module
