"""One real-time session, for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from parhelion.errors import ConnectTimeoutError, QueueFullError, SourceError
from parhelion.frames import Frame, PixelFormat
from parhelion.prompts import checked_prompt
from parhelion.session import Session
from parhelion.sources.feed import Feed

__all__ = ["RealTimeClient"]

_PROMPT_TIMEOUT = 15.0
# A frame that the rate control left out, or that a queue dropped, does not come back by itself.
_TRANSFORM_RETRY = 0.5


def as_frame(frame: object) -> npt.NDArray[Any]:
    """The array of anything that is one; its shape and dtype are checked by the core."""
    return frame if isinstance(frame, np.ndarray) else np.asarray(frame)


class RealTimeClient(Session):
    """A session with a real-time model; made by ``client.realtime.connect()``.

    Belongs to the event loop it was connected in: handlers run there, and the coroutines are to
    be awaited there. :meth:`send` and :meth:`disconnect` work from any thread or loop.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self._feed: Feed | None = None
        # Whether sending waits for room where it may wait.
        self._waits = options["flow"][0][0] == "wait"
        # Those who wait for room.
        self._draining: set[asyncio.Future[None]] = set()

    def _wake(self) -> None:
        super()._wake()
        for waiter in self._draining:
            if not waiter.done():
                waiter.set_result(None)

    def _start(self, feed: Feed) -> None:
        """Begins to send the stream that was given to ``connect``."""
        self._feed = feed
        feed.start(self)

    def _source_ended(self, error: SourceError | None) -> None:
        if error is not None:
            self._report(("error", error))
        self._inbox.finish(error)

    def _emit(self, event: tuple[Any, ...]) -> None:
        if self._feed is not None and event[:2] == ("connection_change", "disconnected"):
            self._feed.stop()
        super()._emit(event)

    async def disconnect(self) -> None:
        """Ends the session. May be called again, from anywhere; returns within a second.

        The stream that was given to ``connect`` is left where it is. A source that was opened for
        it is closed; what you opened yourself stays open. A source that is in the middle of
        something is waited for, for half a second; if it takes longer the logger
        ``parhelion.sources`` says so.
        """
        if self._feed is None:
            await super().disconnect()
            return
        self._feed.stop()
        await asyncio.gather(super().disconnect(), self._feed.join())

    def send(
        self, frame: object, *, format: PixelFormat | None = None, timestamp: float | None = None
    ) -> int:
        """Queues one frame and returns its id, which the result carries as ``input_id``.

        Of frames that come faster than they can be encoded the newest is kept, and the others are
        counted in :meth:`stats`, unless the session was opened with another :class:`Flow`. Never
        waits, except for room where the flow is ``wait`` and the calling thread may wait: in the
        blocking face, outside its handlers. The array is read before this returns. Any strides
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
            QueueFullError: With ``flow="all"``, and with ``"wait"`` where it does not wait: there
                is no room at present. The frame was not sent; see :meth:`drain`.
        """
        input_id = self._core.send(as_frame(frame), format, timestamp)
        self._inbox.sent(input_id)
        return input_id

    async def drain(self) -> None:
        """Waits until there is room for another frame: until :meth:`send` does not raise.

        Returns at once when there is room, and always with ``flow="latest"``. Several may wait;
        whoever sends first has the room.

        Raises:
            DisconnectedError: The session is over.
            InvalidStateError: Awaited in another event loop, or called by a handler of the blocking
                face.
        """
        self._inbox.check_loop("drain")
        await self._room(None)
        if self._core.state == "disconnected":
            raise self._inbox.gone("drain")

    def _wait_for_room(self, timeout: float) -> bool:
        """For threads; whether there is room."""
        return self._core.wait_for_room(timeout)

    async def _room(self, result: asyncio.Future[Frame] | None, until: float = math.inf) -> None:
        """Waits for room, the end, the result that makes it unnecessary, or until that time."""
        while self._core.state != "disconnected" and (longest := self._core.room()) is not None:
            left = until - time.monotonic()
            if left <= 0 or (result is not None and result.done()):
                return
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._draining.add(waiter)
            try:
                awaited: set[asyncio.Future[Any]] = {waiter} if result is None else {waiter, result}
                await asyncio.wait(
                    awaited, timeout=min(longest, left), return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                self._draining.discard(waiter)

    async def transform(
        self,
        frame: object,
        *,
        format: PixelFormat | None = None,
        timeout: float = 10.0,
    ) -> Frame:
        """Sends one frame and returns what became of it.

        For single pictures and tests; for video use :meth:`send` and :meth:`recv`, which do not
        wait for each other. A frame that is dropped on its way is sent again. Waits for room
        where :meth:`send` would raise :class:`QueueFullError`.

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
        self._inbox.check_loop("transform")
        deadline = time.monotonic() + timeout
        result: asyncio.Future[Frame] = self._loop.create_future()
        ids: list[int] = []
        try:
            while True:
                await self._room(result, deadline)
                if result.done():
                    return result.result()
                with contextlib.suppress(QueueFullError):  # somebody else took the room
                    input_id = self.send(frame, format=format)
                    ids.append(input_id)
                    self._inbox.expect(input_id, result)
                left = max(0.0, deadline - time.monotonic())
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
            self._inbox.forget(ids)
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
