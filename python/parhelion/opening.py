"""How a session is opened: what it starts with, and the way there."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from parhelion import _core
from parhelion.errors import ConnectTimeoutError, InvalidStateError
from parhelion.images import ImageLike
from parhelion.landmarks import Landmarks
from parhelion.prompts import Prompt, prompt_of
from parhelion.realtime import RealTimeClient
from parhelion.streams import RemoteStream

if TYPE_CHECKING:
    from parhelion.sources.base import Source
    from parhelion.sources.feed import Feed
    from parhelion.sources.pump import Lane

__all__ = ["InitialState"]

_SHORTEST = 0.001


@dataclasses.dataclass(frozen=True)
class InitialState:
    """What a session starts with; acknowledged by the service before any frame flows.

    Without prompt and image the video passes unchanged.

    Raises:
        InvalidInputError: The prompt is no prompt. ``connect`` looks at image and landmarks.
    """

    prompt: Prompt | str | None = None
    """As a str it may be elaborated on by the service."""
    image: ImageLike | None = dataclasses.field(default=None, repr=False)
    """A reference image, of any kind that :meth:`RealTimeClient.set` takes."""
    landmarks: Landmarks | None = None
    """Where in the image a face is, for ``live_avatar``; None: it is looked for."""

    def __post_init__(self) -> None:
        self._words()

    def _words(self) -> tuple[str, bool] | None:
        if self.prompt is None:
            return None
        return prompt_of(self.prompt, True, "InitialState")


class Connecting(Awaitable[RealTimeClient]):
    """A session that is being opened: to be awaited, or entered by ``async with``."""

    def __init__(
        self,
        options: dict[str, Any],
        image: _core.ImageSource | None,
        landmarks: dict[str, Any] | None,
        halves: Sequence[tuple[Source, Lane]],
        on_remote_stream: Callable[[RemoteStream], Any] | None,
        **hooks: Any,
    ) -> None:
        self._options = options
        self._image = image
        self._landmarks = landmarks
        self._hooks = hooks
        self._halves = halves
        self._on_remote_stream = on_remote_stream
        self._client: RealTimeClient | None = None

    def __await__(self) -> Generator[Any, None, RealTimeClient]:
        return self._open().__await__()

    async def _open(self) -> RealTimeClient:
        if not self._halves:
            client = await self._connect(None)
        else:
            from parhelion.sources.feed import Feed  # a session without a stream needs none of it

            feed = Feed(self._halves)
            began = time.monotonic()
            try:
                # A stream that cannot be opened is no reason to bother the service.
                await feed.open(self._options["connect_timeout"])
                self._options["connect_timeout"] -= time.monotonic() - began
                client = await self._connect(feed)
            except BaseException:
                feed.stop()
                raise
            client._start(feed)  # noqa: SLF001 - same package
        self._client = client
        return client

    async def _connect(self, feed: Feed | None) -> RealTimeClient:
        if self._options["mirror"] == "auto":
            camera = feed is not None and feed.is_camera
            self._options = self._options | {"mirror": camera}
        if self._image is not None:
            await self._load(self._image)
        client = RealTimeClient(self._options, **self._hooks)
        await client._connect(self._on_remote_stream)  # noqa: SLF001 - same package
        return client

    async def _load(self, image: _core.ImageSource) -> None:
        limit = self._options["connect_timeout"]
        began = time.monotonic()
        try:
            loading = image.load(self._landmarks, self._options["fetch"], "connect")
            loaded = await asyncio.wait_for(loading, limit)
        except asyncio.TimeoutError:
            raise ConnectTimeoutError(
                f"the image was not ready within {limit:.1f} s", operation="connect"
            ) from None
        left = max(limit - (time.monotonic() - began), _SHORTEST)
        self._options = self._options | {"image": loaded, "connect_timeout": left}

    def __getattr__(self, name: str) -> NoReturn:
        if not name.startswith("_") and hasattr(RealTimeClient, name):
            raise InvalidStateError(
                f"{name} of a session that is not open yet",
                operation="connect",
                hint="await connect(...) first, or use it in `async with`",
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __enter__(self) -> NoReturn:
        raise InvalidStateError(
            "a session of the asyncio interface cannot be entered by `with`",
            operation="connect",
            hint="use `async with`, or parhelion.sync, where calls wait",
        )

    def __exit__(self, *_: object) -> None:
        """Never called; `with` looks for it first."""

    async def __aenter__(self) -> RealTimeClient:
        return await self._open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._client is not None:
            await self._client.disconnect()
