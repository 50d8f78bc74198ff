"""Watching the session of somebody else, for asyncio."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Any

from parhelion.keys import KeyProvider
from parhelion.session import Session
from parhelion.streams import RemoteStream

__all__ = ["Subscription"]


class Subscription(Session):
    """Watches the session of somebody else; made by ``client.realtime.subscribe()``.

    It has what the publisher gets back, and can change nothing. When the publisher's session ends
    it ends too, with a :class:`SessionEndedError`; a publisher that has to connect anew gets
    another session, and those who watch it another token. A connection that is lost comes back by
    itself.

    Belongs to the event loop it was connected in: handlers run there, and the coroutines are to
    be awaited there. :meth:`disconnect` works from any thread or loop.
    """


class Subscribing(Awaitable[Subscription]):
    """A view that is being opened: to be awaited, or entered by ``async with``."""

    def __init__(
        self,
        options: dict[str, Any],
        key: KeyProvider | None,
        on_remote_stream: Callable[[RemoteStream], Any] | None,
    ) -> None:
        self._options = options
        self._key = key
        self._on_remote_stream = on_remote_stream
        self._subscription: Subscription | None = None

    def __await__(self) -> Generator[Any, None, Subscription]:
        return self._open().__await__()

    async def _open(self) -> Subscription:
        subscription = Subscription(self._options, key=self._key)
        await subscription._connect(self._on_remote_stream)  # noqa: SLF001 - same package
        self._subscription = subscription
        return subscription

    async def __aenter__(self) -> Subscription:
        return await self._open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._subscription is not None:
            await self._subscription.disconnect()
