"""Every test here talks to a real service on this machine, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

import parhelion as ph

for folder in ("portraits", "sounds"):
    sys.path.insert(0, str(Path(__file__).parents[2] / folder))

Behaviour = Callable[[ServerConnection], Awaitable[None]]


@pytest.fixture(autouse=True)
def _clean(nothing_left_behind: None) -> None:
    """No thread and no socket stays."""


@pytest.fixture(autouse=True)
async def _no_task_left(_clean: None) -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    for _ in range(100):
        left = asyncio.all_tasks() - before - {asyncio.current_task()}
        if not left:
            return
        await asyncio.sleep(0)
    pytest.fail(f"left behind: tasks {left}")


@pytest.fixture
async def avatar(client: ph.Client) -> AsyncIterator[ph.RealTimeClient]:
    """A session with a model that is driven by sound, and nothing sent by the user."""
    async with client.realtime.connect(model="live_avatar", timeout=20) as session:
        yield session


class FakeService:
    """A service that behaves as the test says: for what a real one never does."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self.connections = 0
        self.received: list[dict[str, object]] = []

    async def __aenter__(self) -> FakeService:
        self._server = await serve(self._run, "127.0.0.1", 0, max_size=None, compression=None)
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _run(self, socket: ServerConnection) -> None:
        self.connections += 1
        with contextlib.suppress(websockets.ConnectionClosed):
            await self._behaviour(socket)

    async def until(self, socket: ServerConnection, kind: str) -> dict[str, object]:
        """Reads until a message of that type comes, and acknowledges the state on the way."""
        async for text in socket:
            message = json.loads(text)
            self.received.append(message)
            if message["type"] == kind:
                return message
            if message["type"] == "set_image":
                await socket.send(json.dumps({"type": "set_image_ack", "success": True}))
            elif message["type"] == "prompt":
                ack = {"type": "prompt_ack", "prompt": message["prompt"], "success": True}
                await socket.send(json.dumps(ack))
        raise websockets.ConnectionClosedOK(None, None)


@pytest.fixture
def fake_service() -> type[FakeService]:
    """``async with fake_service(behaviour) as service``; ``behaviour`` gets each socket."""
    return FakeService


Change = Callable[[dict[str, Any]], list[dict[str, Any] | str | bytes]]


@pytest.fixture
def relay(server: ph.LocalServer) -> Callable[[Change], Any]:
    """``async with relay(change) as (url, key)``: a real service whose messages are changed.

    ``change`` gets each message of the service and returns those that the client gets instead.
    ``relay(change, hear)`` calls ``hear`` with each message of the client as well, and
    ``relay.drop_all()`` breaks the connections that there are.
    """
    peers: set[ServerConnection] = set()

    async def pass_on(source: Any, target: Any, change: Change) -> None:
        async for text in source:
            messages = change(json.loads(text))
            for message in messages:
                await target.send(json.dumps(message) if isinstance(message, dict) else message)
        await target.close(source.close_code or 1011, source.close_reason or "")

    @contextlib.asynccontextmanager
    async def open_relay(
        change: Change, hear: Callable[[dict[str, Any]], object] = lambda message: None
    ) -> AsyncIterator[tuple[str, str]]:
        def heard(message: dict[str, Any]) -> list[dict[str, Any] | str | bytes]:
            hear(message)
            return [message]

        async def behave(peer: ServerConnection) -> None:
            assert peer.request is not None
            peers.add(peer)
            async with connect(server.url + peer.request.path, max_size=None) as upstream:
                both = pass_on(peer, upstream, heard), pass_on(upstream, peer, change)
                await asyncio.gather(*both)

        async with FakeService(behave) as service:
            yield service.url, server.api_key

    def drop_all() -> None:
        while peers:
            peers.pop().transport.abort()

    open_relay.drop_all = drop_all  # type: ignore[attr-defined]
    return open_relay
