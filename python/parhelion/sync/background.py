"""The thread that runs the event loop of the blocking sessions: one in a process."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import logging
import os
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from parhelion import _core
from parhelion.errors import ConnectTimeoutError, InvalidStateError
from parhelion.session import disconnect_all

_Result = TypeVar("_Result")

_log = logging.getLogger("parhelion.sync")

_STOP_SECONDS = 1.0
# What a call that keeps a time limit may take longer before the loop counts as blocked.
_GRACE = 1.0


class Background:
    """An event loop on a thread of its own. No loop of the user's is touched."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stopping = False
        self._process = os.getpid()
        # A daemon: it must not keep a program alive that has nothing else to do.
        self._thread = threading.Thread(target=self._run, name="parhelion-sync", daemon=True)
        self._thread.start()

    def is_current(self) -> bool:
        """Whether the caller is the loop's own thread: a handler, that is."""
        return threading.get_ident() == self._thread.ident

    def is_here(self) -> bool:
        """Whether this is the process that it was started in, and not a forked child."""
        return self._process == os.getpid()

    def check(self, operation: str) -> None:
        """Whether the caller can wait for this thread.

        Raises:
            InvalidStateError: It is this thread, or it is gone.
        """
        _core.check_process(operation)
        if self.is_current():
            raise InvalidStateError(
                f"{operation}() waits for the thread that handlers run on, and a handler called it",
                operation=operation,
                hint="call it from another thread: hand the work over with a queue.Queue, say; "
                "send(), stats() and disconnect() work in handlers too",
            )
        if self._loop.is_closed():
            raise _ending(operation)

    def run(
        self,
        operation: str,
        begin: Callable[[], Awaitable[_Result]],
        timeout: float | None = None,
    ) -> _Result:
        """Runs a coroutine in the loop and waits for its result, however it ends.

        Args:
            operation: The call that waits, for errors.
            begin: Makes what is to be awaited; called in the loop.
            timeout: The seconds within which the coroutine ends by itself, if it does. If this is
                no such number, it is for the coroutine to say so.

        Raises:
            InvalidStateError: As for :meth:`check`.
            ConnectTimeoutError: The loop is blocked.
        """
        self.check(operation)
        limit = None
        if isinstance(timeout, (int, float)) and 0 <= timeout < threading.TIMEOUT_MAX - _GRACE:
            limit = timeout + _GRACE
        future = self.start(begin)
        try:
            return future.result(limit)
        except concurrent.futures.CancelledError:
            raise _ending(operation) from None
        except concurrent.futures.TimeoutError:
            if future.done():
                raise  # the coroutine's own
            future.cancel()
            raise ConnectTimeoutError(
                f"nothing happened within {timeout} s",
                operation=operation,
                hint="a handler blocks the thread that the handlers and answers of all blocking "
                "sessions need; let it return soon",
            ) from None
        except BaseException:
            future.cancel()
            raise

    def start(self, begin: Callable[[], Awaitable[_Result]]) -> concurrent.futures.Future[_Result]:
        """Runs a coroutine in the loop."""

        async def work() -> _Result:
            return await begin()

        return asyncio.run_coroutine_threadsafe(work(), self._loop)

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Calls a function in the loop, without waiting; never if the program ends."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    def stop(self) -> None:
        """Ends the loop and its thread, unless a handler blocks it."""
        self._stopping = True
        self.call(self._loop.stop)
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            while not self._stopping:
                try:
                    self._loop.run_forever()
                except (KeyboardInterrupt, SystemExit):
                    # Of the user's code in a task. On this thread it can end nothing.
                    _log.exception("the event loop of the blocking sessions goes on")
        finally:
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()


def _ending(operation: str) -> InvalidStateError:
    return InvalidStateError(
        "the program is ending",
        operation=operation,
        hint="use sessions before the interpreter exits",
    )


_current: Background | None = None
_lock = threading.Lock()


def background() -> Background:
    """The thread of this process, started with the first use."""
    global _current
    with _lock:
        if _current is None:
            _current = Background()
        return _current


@atexit.register
def _stop() -> None:
    if _current is not None:
        # First, so that handlers and whoever waits are told.
        disconnect_all()
        _current.stop()


def _forget() -> None:
    """A forked child has none of its parent's threads, and starts its own."""
    global _current, _lock
    _current, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
