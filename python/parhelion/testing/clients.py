"""What the fixtures give out: ways to open sessions that end with the test."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Generator
from types import TracebackType
from typing import Any

import parhelion
import parhelion.sync
from parhelion.errors import InvalidStateError

__all__ = ["RealTimeClients", "SyncRealTimeClients"]

# A test that hangs should say so before its own time limit ends it.
_CONNECT_SECONDS = 20.0


class _Opening(Awaitable[parhelion.RealTimeClient]):
    """A session being opened: await it, or use it in ``async with``."""

    def __init__(self, connecting: Any, sessions: list[parhelion.RealTimeClient]) -> None:
        self._connecting = connecting
        self._sessions = sessions
        self._session: parhelion.RealTimeClient | None = None

    def __await__(self) -> Generator[Any, None, parhelion.RealTimeClient]:
        return self._open().__await__()

    async def _open(self) -> parhelion.RealTimeClient:
        self._session = await self._connecting
        self._sessions.append(self._session)
        return self._session

    async def __aenter__(self) -> parhelion.RealTimeClient:
        return await self._open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.disconnect()


class RealTimeClients:
    """The fixture ``realtime_client``: call it for a session with the test's service.

    Attributes:
        server: The service.
        client: The :class:`parhelion.Client` of it.
    """

    def __init__(self, server: parhelion.LocalServer) -> None:
        self.server = server
        self.client = parhelion.Client(server.api_key, base_url=server.url)
        self._sessions: list[parhelion.RealTimeClient] = []

    def __call__(
        self,
        model: parhelion.ModelDefinition | str = "mirage_v2",
        stream: Any = None,
        *,
        prompt: str | None = None,
        image: parhelion.ImageLike | None = None,
        landmarks: parhelion.Landmarks | None = None,
        enhance: bool = True,
        timeout: float = _CONNECT_SECONDS,
        **options: Any,
    ) -> Awaitable[parhelion.RealTimeClient]:
        """Opens a session. Await it, or use it in ``async with``; it ends with the test.

        Args:
            model: The name of a model, one that the test has registered with the server too; or a
                definition.
            stream: What is sent; None: what ``send()`` is given.
            prompt: The prompt to start with.
            image: The reference image to start with.
            landmarks: Where in it a face is.
            enhance: Whether the service may elaborate on the prompt.
            timeout: Seconds to connect, retries included.
            **options: As for ``client.realtime.connect``.

        Raises:
            InvalidStateError: No asyncio event loop is running.
        """
        _check_loop()
        connecting = self.client.realtime.connect(
            stream,
            model=_definition(self.server, model),
            initial_state=_state(prompt, image, landmarks, enhance=enhance),
            timeout=timeout,
            **options,
        )
        return _Opening(connecting, self._sessions)

    def close(self) -> None:
        """Ends all sessions, whatever has become of their event loops."""
        while self._sessions:
            _end(self._sessions.pop())

    def __repr__(self) -> str:
        return f"<RealTimeClients of {self.server!r}, {len(self._sessions)} opened>"


class SyncRealTimeClients:
    """The fixture ``sync_realtime_client``: call it for a session that waits.

    Attributes:
        server: The service.
        client: The :class:`parhelion.sync.Client` of it.
    """

    def __init__(self, server: parhelion.LocalServer) -> None:
        self.server = server
        self.client = parhelion.sync.Client(server.api_key, base_url=server.url)
        self._sessions: list[parhelion.sync.RealTimeClient] = []

    def __call__(
        self,
        model: parhelion.ModelDefinition | str = "mirage_v2",
        stream: Any = None,
        *,
        prompt: str | None = None,
        image: parhelion.ImageLike | None = None,
        landmarks: parhelion.Landmarks | None = None,
        enhance: bool = True,
        timeout: float = _CONNECT_SECONDS,
        **options: Any,
    ) -> parhelion.sync.RealTimeClient:
        """Opens a session and waits until it is open; it ends with the test.

        Arguments are those of :meth:`RealTimeClients.__call__`.
        """
        session = self.client.realtime.connect(
            stream,
            model=_definition(self.server, model),
            initial_state=_state(prompt, image, landmarks, enhance=enhance),
            timeout=timeout,
            **options,
        )
        self._sessions.append(session)
        return session

    def close(self) -> None:
        """Ends all sessions."""
        while self._sessions:
            self._sessions.pop().disconnect()

    def __repr__(self) -> str:
        return f"<SyncRealTimeClients of {self.server!r}, {len(self._sessions)} opened>"


def _definition(
    server: parhelion.LocalServer, model: parhelion.ModelDefinition | str
) -> parhelion.ModelDefinition | str:
    """What a model of the server's own was registered with: no catalog knows it by its name."""
    own = server._own_models  # noqa: SLF001 - same package
    return own.get(model, model) if isinstance(model, str) else model


def _state(
    prompt: str | None,
    image: parhelion.ImageLike | None,
    landmarks: parhelion.Landmarks | None,
    *,
    enhance: bool,
) -> parhelion.InitialState:
    words = None if prompt is None else parhelion.Prompt(prompt, enhance=enhance)
    return parhelion.InitialState(prompt=words, image=image, landmarks=landmarks)


def _check_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise _no_loop() from None


def _no_loop() -> InvalidStateError:
    other = sys.modules.get("sniffio")
    if other is not None:
        with contextlib.suppress(Exception):
            name = other.current_async_library()
            return InvalidStateError(
                f"realtime_client needs asyncio, and this test runs in {name}",
                operation="realtime_client",
                hint='with anyio, choose its backend: @pytest.mark.parametrize("anyio_backend", '
                '["asyncio"])',
            )
    return InvalidStateError(
        "realtime_client was called without a running event loop",
        operation="realtime_client",
        hint="call it in a test or fixture that is `async def` and is run by pytest-asyncio or "
        "anyio; or use the fixture sync_realtime_client, which needs no event loop",
    )


def _end(session: parhelion.RealTimeClient) -> None:
    loop = session._loop  # noqa: SLF001 - same package
    if loop.is_running():
        # We are inside it: nothing can be awaited here.
        session._core.disconnect_blocking()  # noqa: SLF001 - same package
    elif loop.is_closed():
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(session.disconnect())
        finally:
            loop.close()
    else:
        loop.run_until_complete(session.disconnect())
