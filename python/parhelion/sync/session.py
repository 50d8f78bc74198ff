"""What every blocking session has, whether it sends video or only watches."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING

import parhelion.session
from parhelion.events import ConnectionState, Emitter, EventName, Handler
from parhelion.frames import Frame
from parhelion.statistics import Stats
from parhelion.sync.streams import RemoteStream

if TYPE_CHECKING:
    from typing_extensions import Self

    from parhelion.sync.background import Background
    from parhelion.sync.server import LocalServer

__all__ = ["Session"]

_KEPT = 1024
_DISCONNECT_SECONDS = 0.9


class Session:
    """A session with a service, for callers that wait on their own thread.

    Any thread may call anything. Handlers run on the thread that all blocking sessions of the
    process share: there :meth:`on`, :meth:`off`, :meth:`stats` and :meth:`disconnect` work, and
    calls that would wait raise :class:`InvalidStateError`. A handler that blocks keeps handlers
    and answers of all these sessions waiting, frames not.
    """

    def __init__(
        self,
        session: parhelion.session.Session,
        remote_stream: RemoteStream,
        background: Background,
    ) -> None:
        # Made in the loop, before any event is given out.
        self._session = session
        self._remote_stream = remote_stream
        self._background = background
        self._service: LocalServer | None = None
        self._core = session._core  # noqa: SLF001 - same package
        self._inbox = session._inbox  # noqa: SLF001 - same package
        self._emitter: Emitter = session._emitter  # noqa: SLF001 - same package
        # sys.exit() in a handler must not end the thread of all sessions.
        self._emitter.contained = BaseException
        self._emitter.keep(_KEPT)
        self._begun = False

    def _begin(self) -> None:
        """The caller has gone on: what it adds from now on gets only what happens from now on."""
        if not self._begun:
            self._begun = True
            self._background.call(self._emitter.forget)

    # Events ------------------------------------------------------------------------------------

    def on(self, event: EventName | str, handler: Handler) -> None:
        """Calls ``handler`` on every ``event``, on the thread of the blocking sessions.

        Handlers may be functions or coroutine functions. What happened while ``connect`` was
        pending, and since, is delivered to handlers that are registered before any other call.

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
        self._add(event, handler, once=False)

    def once(self, event: EventName | str, handler: Handler) -> None:
        """Like :meth:`on`, for the next such event only."""
        self._add(event, handler, once=True)

    def off(self, event: EventName | str, handler: Handler) -> None:
        """Removes a handler. One that is not registered is no error."""
        self._emitter.remove(event, handler)
        # Once more, after those that are still to be added.
        self._background.call(self._emitter.remove, event, handler)

    def _add(self, event: EventName | str, handler: Handler, *, once: bool) -> None:
        self._emitter.check(event, handler)

        def add() -> None:
            # In the loop, so that nothing happens between the events of before and of after.
            self._emitter.add(event, handler, once=once)
            self._session._wake()  # noqa: SLF001 - same package

        self._background.call(add)

    # State -------------------------------------------------------------------------------------

    def is_connected(self) -> bool:
        """Whether frames can flow: the state is ``connected`` or ``generating``."""
        return self._session.is_connected()

    def get_connection_state(self) -> ConnectionState:
        """The state of the session now; the ``connection_change`` event tells each change."""
        return self._session.get_connection_state()

    @property
    def session_id(self) -> str | None:
        """The service's name for the session; another one after a reconnect."""
        return self._session.session_id

    def stats(self) -> Stats:
        """Numbers of the session: frames, rates, latency, drops by place and reason, quality."""
        return self._session.stats()

    # What comes back ---------------------------------------------------------------------------

    @property
    def remote_stream(self) -> RemoteStream:
        """What the service sends back: one object for the life of the session."""
        return self._remote_stream

    def recv(self, *, timeout: float | None = None) -> Frame:
        """The same as :meth:`RemoteStream.recv`."""
        self._begin()
        return self._remote_stream.recv(timeout=timeout)

    def frames(self) -> Iterator[Frame]:
        """The same as :meth:`RemoteStream.frames`."""
        self._begin()
        return self._remote_stream.frames()

    # The end -----------------------------------------------------------------------------------

    def disconnect(self) -> None:
        """Ends the session. May be called again, from anywhere; returns within a second."""
        if not self._background.is_here():
            return  # in a forked child; the session is the parent's
        self._begin()
        self._session._leave()  # noqa: SLF001 - same package
        ended = self._background.start(self._session.disconnect)
        if not self._background.is_current():
            concurrent.futures.wait([ended], _DISCONNECT_SECONDS)
        if not ended.done():
            # The loop can do it only later: a handler called this, or blocks it.
            self._core.disconnect_blocking()
        if self._service is not None:
            self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.disconnect()

    def __repr__(self) -> str:
        return repr(self._session)
