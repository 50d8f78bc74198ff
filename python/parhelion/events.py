"""Events: names, and handlers that may be functions or coroutines."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from parhelion.errors import InvalidInputError

__all__ = ["EVENTS", "ConnectionState", "EventName", "Handler"]

ConnectionState = Literal["connecting", "connected", "generating", "reconnecting", "disconnected"]
EventName = Literal[
    "connection_change",
    "error",
    "generation_tick",
    "generation_ended",
    "queue_position",
    "stats",
    "diagnostic",
    "frame",
]
Handler = Callable[..., Any]

EVENTS: tuple[str, ...] = (
    "connection_change",
    "error",
    "generation_tick",
    "generation_ended",
    "queue_position",
    "stats",
    "diagnostic",
    "frame",
)

_log = logging.getLogger("parhelion.events")


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


_SPELLINGS = {_camel_case(name): name for name in EVENTS} | {name: name for name in EVENTS}


def event_name(name: str) -> str:
    """The name of an event from either spelling.

    Raises:
        InvalidInputError: There is no such event.
    """
    try:
        return _SPELLINGS[name]
    except (KeyError, TypeError):
        raise InvalidInputError(
            f"unknown event {name!r}; expected one of {', '.join(EVENTS)}", operation="on"
        ) from None


class Emitter:
    """Keeps handlers and calls them.

    A handler that raises is logged and harms no other. A coroutine handler runs as a task of the
    running loop.

    Attributes:
        contained: What is logged of a handler. Anything else ends the loop, which is for its owner
            to decide.
    """

    def __init__(self) -> None:
        self._handlers: dict[str, list[tuple[Handler, bool]]] = {name: [] for name in EVENTS}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._kept: deque[tuple[Any, ...]] | None = None
        self.contained: type[BaseException] = Exception

    @staticmethod
    def check(name: str, handler: Handler) -> None:
        event_name(name)
        if not callable(handler):
            raise InvalidInputError(
                f"a handler must be callable, got {type(handler).__name__}", operation="on"
            )

    def add(self, name: str, handler: Handler, *, once: bool) -> None:
        self.check(name, handler)
        name = event_name(name)
        for event, *payload in tuple(self._kept or ()):
            if event == name:
                self.call(name, handler, *payload)
                if once:
                    return
        self._handlers[name].append((handler, once))

    def keep(self, events: int) -> None:
        """Keeps what happens from now on, up to that many events, for handlers that come later."""
        self._kept = deque(maxlen=events)

    def forget(self) -> None:
        """Handlers get only what happens after they were added."""
        self._kept = None

    def remove(self, name: str, handler: Handler) -> None:
        handlers = self._handlers[event_name(name)]
        handlers[:] = [entry for entry in handlers if entry[0] != handler]

    def has(self, name: str) -> bool:
        return bool(self._handlers[name])

    def emit(self, name: str, *payload: Any) -> None:
        if self._kept is not None and name != "frame":  # frames are large, and soon old
            self._kept.append((name, *payload))
        for entry in tuple(self._handlers[name]):
            handler, once = entry
            if once:
                # Gone already if an earlier handler caused the same event, or removed it.
                if entry not in self._handlers[name]:
                    continue
                self._handlers[name].remove(entry)
            self.call(name, handler, *payload)

    def call(self, name: str, handler: Handler, *payload: Any) -> None:
        try:
            result = handler(*payload)
        except self.contained:
            _log.exception("a handler of %r raised", name)
            return
        if inspect.isawaitable(result):
            task = asyncio.ensure_future(self._finish(name, result))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _finish(self, name: str, result: Any) -> None:
        try:
            await result
        except asyncio.CancelledError:
            raise
        except self.contained:
            _log.exception("a handler of %r raised", name)
