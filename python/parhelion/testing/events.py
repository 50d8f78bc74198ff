"""A record of what a session told, and ways to wait for more."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from parhelion.errors import InvalidInputError, ParhelionError
from parhelion.events import EVENTS, Handler

__all__ = ["EventLog"]


class _Session(Protocol):
    def on(self, event: str, handler: Handler) -> None: ...


class EventLog:
    """Every event of a session, in order, but for ``frame``.

    Make it right after ``connect``, of either face: then nothing is missed.

    Attributes:
        events: What happened, each a tuple of the event's name and its values.
    """

    def __init__(self, session: _Session) -> None:
        self.events: list[tuple[Any, ...]] = []
        self._changed = threading.Condition()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        for name in EVENTS:
            if name != "frame":  # it is not an event of the session's course, and large
                session.on(name, lambda *payload, name=name: self._add((name, *payload)))

    def of(self, name: str) -> list[Any]:
        """The first values of the events of that name."""
        if name not in EVENTS:
            raise InvalidInputError(f"unknown event {name!r}; expected one of {', '.join(EVENTS)}")
        return [event[1] for event in tuple(self.events) if event[0] == name]

    @property
    def states(self) -> list[str]:
        """The states that the session has gone through since the log was made."""
        return self.of("connection_change")

    @property
    def errors(self) -> list[ParhelionError]:
        """The errors that were told."""
        return self.of("error")

    async def until(
        self, condition: str | Callable[[EventLog], object], timeout: float = 20.0
    ) -> None:
        """Waits for what happens to make a condition true; returns at once if it is.

        Args:
            condition: A function of this log, such as ``lambda log: len(log.errors) == 2``; or the
                name of a state, for its next time.
            timeout: Seconds.

        Raises:
            TimeoutError: It did not become true; the text tells what happened instead.
        """
        met = self._condition(condition)
        entry = (asyncio.get_running_loop(), asyncio.Event())
        with self._changed:
            self._waiting.add(entry)

        async def wait() -> None:
            while not met(self):
                entry[1].clear()
                if not met(self):  # nothing came between the look and the clearing
                    await entry[1].wait()

        try:
            await asyncio.wait_for(wait(), timeout)
        except (TimeoutError, asyncio.TimeoutError):
            raise self._timed_out(timeout) from None
        finally:
            with self._changed:
                self._waiting.discard(entry)

    def wait(self, condition: str | Callable[[EventLog], object], timeout: float = 20.0) -> None:
        """The same as :meth:`until`, on this thread: for sessions of ``parhelion.sync``."""
        met = self._condition(condition)
        deadline = time.monotonic() + timeout
        with self._changed:
            while not met(self):
                if not self._changed.wait(deadline - time.monotonic()) and not met(self):
                    raise self._timed_out(timeout)

    def __repr__(self) -> str:
        return f"<EventLog {self.events!r}>"

    def _add(self, event: tuple[Any, ...]) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()
            waiting = tuple(self._waiting)
        for loop, news in waiting:
            with contextlib.suppress(RuntimeError):  # that loop is closed
                loop.call_soon_threadsafe(news.set)

    def _condition(
        self, condition: str | Callable[[EventLog], object]
    ) -> Callable[[EventLog], object]:
        if not isinstance(condition, str):
            return condition
        seen = len(self.events)
        state = condition
        return lambda log: ("connection_change", state) in log.events[seen:]

    def _timed_out(self, timeout: float) -> TimeoutError:
        return TimeoutError(f"not within {timeout} s; what happened: {self.events!r}")
