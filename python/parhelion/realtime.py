"""One real-time session, for asyncio."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from parhelion import _core
from parhelion.errors import (
    ConnectTimeoutError,
    DisconnectedError,
    InvalidInputError,
    InvalidStateError,
    ModelFailedError,
    ParhelionError,
    ServerError,
)
from parhelion.events import ConnectionState, Emitter, EventName, Handler
from parhelion.frames import Frame, PixelFormat
from parhelion.statistics import Stats

__all__ = ["RealTimeClient"]

_PROMPT_TIMEOUT = 15.0
# A frame that the rate control left out, or that a queue dropped, does not come back by itself.
_TRANSFORM_RETRY = 0.5
_HELD = 1024
_PID = os.getpid()

_live: weakref.WeakSet[RealTimeClient] = weakref.WeakSet()


def as_frame(frame: object) -> npt.NDArray[Any]:
    """The array of anything that is one; its shape and dtype are checked by the core."""
    return frame if isinstance(frame, np.ndarray) else np.asarray(frame)


class RealTimeClient:
    """A session with a real-time model; made by ``client.realtime.connect()``.

    Belongs to the event loop it was connected in: handlers run there, and the coroutines are to
    be awaited there. :meth:`send` and :meth:`disconnect` work from any thread or loop.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self._loop = asyncio.get_running_loop()
        self._format: PixelFormat = options["format"]
        self._emitter = Emitter()
        # Events wait here until handlers can have been registered.
        self._held: deque[tuple[Any, ...]] | None = deque(maxlen=_HELD)
        self._receivers: deque[asyncio.Future[Frame]] = deque()
        self._transforms: dict[int, asyncio.Future[Frame]] = {}
        self._ended = False
        self._leaving = False
        self._failure: ParhelionError | None = None
        this = weakref.ref(self)
        loop = self._loop

        def wake() -> None:
            # A weak reference: the core must not keep its owner alive.
            client = this()
            if client is not None:
                loop.call_soon_threadsafe(client._wake)  # noqa: SLF001 - same class

        self._core = _core.Session(options, wake)
        _live.add(self)

    async def _connect(self) -> None:
        try:
            await self._core.connect()
        except BaseException:
            self._core.abort()
            self._held = None
            raise
        # Handlers that the caller registers right after the await are in time for what happened.
        self._loop.call_soon(self._release)

    def _release(self) -> None:
        held, self._held = self._held, None
        for event in held or ():
            self._emit(event)
        self._wake()

    # Events and frames -------------------------------------------------------------------------

    def _wake(self) -> None:
        for event in self._core.drain():
            if self._held is not None:
                self._held.append(event)
            else:
                self._emit(event)
        self._deliver()

    def _emit(self, event: tuple[Any, ...]) -> None:
        name, *payload = event
        if name == "error":
            # The frame that a model fails on never comes back; who waits for one should know.
            error = payload[0]
            if isinstance(error, (ModelFailedError, ServerError)):
                self._fail_transforms(error)
            if not isinstance(error, ModelFailedError):
                self._failure = error
        elif name == "connection_change" and payload[0] == "disconnected":
            self._end()
        elif name in ("connection_change", "generation_tick"):
            # It went on after all.
            self._failure = None
        self._emitter.emit(name, *payload)

    def _end(self) -> None:
        """Nobody waits for a frame of a session that is over."""
        self._ended = True
        self._deliver()
        error = self._gone("recv")
        self._fail_transforms(error)
        while self._receivers:
            receiver = self._receivers.popleft()
            if not receiver.done():
                receiver.set_exception(error)

    def _fail_transforms(self, error: ParhelionError) -> None:
        for waiting in self._transforms.values():
            if not waiting.done():
                waiting.set_exception(error)

    def _gone(self, operation: str) -> ParhelionError:
        error = DisconnectedError(
            "the session is over",
            operation=operation,
            hint="open a new one with client.realtime.connect()",
        )
        error.__cause__ = None if self._leaving else self._failure
        return error

    def _deliver(self) -> None:
        """Hands out frames while somebody wants one; the others wait in the core."""
        while self._wanted():
            frame = self._take()
            if frame is None:
                return
            self._route(frame)

    def _wanted(self) -> bool:
        while self._receivers and self._receivers[0].done():
            self._receivers.popleft()
        return bool(self._receivers or self._transforms or self._emitter.has("frame"))

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
            matching = next(iter(self._transforms.values()), None)
        else:
            matching = self._transforms.get(frame.input_id)
        if matching is not None and not matching.done():
            matching.set_result(frame)
        while self._receivers:
            receiver = self._receivers.popleft()
            if not receiver.done():
                receiver.set_result(frame)
                break
        if self._emitter.has("frame"):
            self._emitter.emit("frame", frame)

    # The interface -----------------------------------------------------------------------------

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
        ``diagnostic``            a name and a dict
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

    def send(
        self, frame: object, *, format: PixelFormat | None = None, timestamp: float | None = None
    ) -> int:
        """Queues one frame and returns its id, which the result carries as ``input_id``.

        Never waits: of frames that come faster than they can be encoded the newest is kept, the
        others are counted in :meth:`stats`. The array is read before this returns. Any strides
        will do; what is not an array is converted by ``numpy.asarray``.

        Args:
            frame: uint8, of the shape of its format: (H, W, 3) for ``rgb24`` and ``bgr24``,
                (H, W, 4) for ``rgba`` and ``bgra``, (H, W) for ``gray``, (H * 3 / 2, W) with even
                H and W for ``i420``. 1x1 to 3840x2160 pixels, or 2160x3840.
            format: The layout; default is the session's.
            timestamp: Any number of yours; the result carries it.

        Raises:
            InvalidInputError: A ``ValueError``: dtype, shape or size are wrong.
            InvalidStateError: The session is over.
        """
        return self._core.send(as_frame(frame), format, timestamp)

    async def recv(self, *, timeout: float | None = None) -> Frame:
        """The next transformed frame. A reader that is late gets the newest, never an old one.

        Args:
            timeout: Seconds to wait; None waits for ever.

        Raises:
            ConnectTimeoutError: A ``TimeoutError``: no frame came in time.
            DisconnectedError: The session is over.
        """
        self._check_loop("recv")
        if not self._receivers and (frame := self._take()) is not None:
            if self._emitter.has("frame"):
                self._emitter.emit("frame", frame)
            return frame
        if self._ended or self._core.state == "disconnected":
            raise self._gone("recv")
        receiver: asyncio.Future[Frame] = self._loop.create_future()
        self._receivers.append(receiver)
        self._deliver()
        try:
            return await asyncio.wait_for(receiver, timeout)
        except asyncio.TimeoutError:
            raise ConnectTimeoutError(
                f"no frame came within {timeout} s", operation="recv"
            ) from None

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

    async def transform(
        self,
        frame: object,
        *,
        format: PixelFormat | None = None,
        timeout: float = 10.0,
    ) -> Frame:
        """Sends one frame and returns what became of it.

        For single pictures and tests; for video use :meth:`send` and :meth:`recv`, which do not
        wait for each other. A frame that is dropped on its way is sent again.

        Args:
            frame: As for :meth:`send`.
            format: As for :meth:`send`.
            timeout: Seconds to wait for the result.

        Raises:
            InvalidInputError: As for :meth:`send`.
            ModelFailedError: The model failed on a frame.
            ServerError: The service reported an error of its own meanwhile.
            ConnectTimeoutError: A ``TimeoutError``: no result came in time.
            DisconnectedError: The session is over.
        """
        self._check_loop("transform")
        deadline = time.monotonic() + timeout
        result: asyncio.Future[Frame] = self._loop.create_future()
        ids: list[int] = []
        try:
            while True:
                input_id = self.send(frame, format=format)
                ids.append(input_id)
                self._transforms[input_id] = result
                self._deliver()
                left = deadline - time.monotonic()
                done, _ = await asyncio.wait([result], timeout=min(left, _TRANSFORM_RETRY))
                if done:
                    return result.result()
                if time.monotonic() >= deadline:
                    raise ConnectTimeoutError(
                        f"the transformed frame did not come within {timeout} s",
                        operation="transform",
                        hint="stats().drops tells where frames are lost",
                    )
        finally:
            for input_id in ids:
                self._transforms.pop(input_id, None)
            result.cancel()

    async def set_prompt(
        self, prompt: str, *, enhance: bool = True, timeout: float = _PROMPT_TIMEOUT
    ) -> None:
        """Changes the prompt; returns when the service has acknowledged it.

        Frames that are made afterwards are made with it. A reconnect brings it into force again.

        Args:
            prompt: Not blank.
            enhance: Whether the service may elaborate on it.
            timeout: Seconds to wait for the acknowledgement.

        Raises:
            InvalidInputError: The prompt is no str, or blank.
            InvalidStateError: The session is not connected.
            ServerError: The service refuses the prompt; the one before stays in force.
            ConnectTimeoutError: A ``TimeoutError``: no acknowledgement came in time.
        """
        prompt = checked_prompt(prompt, "set_prompt")
        change = {
            "set_prompt": True,
            "prompt": (prompt, bool(enhance)),
            "set_image": False,
            "image": None,
        }
        await self._core.update(change, timeout, "set_prompt")

    def stats(self) -> Stats:
        """Numbers of the session: frames, drops by place and reason, rates, latency."""
        return Stats._from_core(self._core.stats())  # noqa: SLF001 - same package

    async def disconnect(self) -> None:
        """Ends the session. May be called again, from anywhere; returns within a second."""
        self._leaving = self._leaving or self._core.state != "disconnected"
        await self._core.disconnect()
        if asyncio.get_running_loop() is self._loop:
            self._held_or_wake()
        else:
            with contextlib.suppress(RuntimeError):  # the session's loop is closed
                self._loop.call_soon_threadsafe(self._held_or_wake)

    def _held_or_wake(self) -> None:
        if self._held is None:
            self._wake()
        else:
            self._release()

    def _check_loop(self, operation: str) -> None:
        if asyncio.get_running_loop() is not self._loop:
            raise InvalidStateError(
                "the session belongs to another event loop",
                operation=operation,
                hint="await it in the loop that connect() ran in",
            )

    async def __aenter__(self) -> RealTimeClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.disconnect()

    def __repr__(self) -> str:
        return f"<RealTimeClient {self._core.state}, session_id={self.session_id}>"


def checked_prompt(prompt: object, operation: str) -> str:
    """The prompt, if it is one."""
    if not isinstance(prompt, str):
        raise InvalidInputError(
            f"prompt: expected str, got {type(prompt).__name__}", operation=operation
        )
    if not prompt.strip():
        raise InvalidInputError("prompt: expected text, got a blank str", operation=operation)
    try:
        prompt.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"prompt: expected valid Unicode, got a lone surrogate at {error.start}",
            operation=operation,
        ) from None
    return prompt


@atexit.register
def _disconnect_all() -> None:
    """An interpreter that ends leaves no session behind on the service."""
    if os.getpid() != _PID:
        return  # a forked child has none of the threads that would do it
    for client in tuple(_live):
        if client._core.state != "disconnected":  # noqa: SLF001 - same module
            client._core.disconnect_blocking()  # noqa: SLF001 - same module
