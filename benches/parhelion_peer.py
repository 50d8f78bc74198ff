"""Parhelion as client and as service: an identity model written in Python."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

import parhelion as ph
from content import FPS, HEIGHT, WIDTH, Pixels

_MODEL = "identity"


def connection(bitrate: int) -> dict[str, Any]:
    """How a session with the identity model is opened, in either face."""
    return {
        "model": ph.ModelDefinition(name=_MODEL, fps=FPS, width=WIDTH, height=HEIGHT),
        "initial_state": ph.InitialState(prompt=ph.Prompt("as it is", enhance=False)),
        "max_bitrate": bitrate,
    }


class ParhelionLink:
    """One Parhelion session."""

    def __init__(self, endpoint: dict[str, Any], bitrate: int) -> None:
        self._client = ph.Client(base_url=endpoint["url"], api_key=endpoint["api_key"])
        self._bitrate = bitrate
        self._session: ph.RealTimeClient | None = None

    async def open(self) -> None:
        """Connects to the identity model."""
        self._session = await self._client.realtime.connect(None, **connection(self._bitrate))

    async def send(self, pixels: Pixels) -> None:
        """Copies the frame."""
        self._connected.send(pixels)

    async def receive(self) -> Pixels:
        """The newest frame."""
        return np.asarray(await self._connected.recv())

    async def set_prompt(self, text: str) -> None:
        """Returns when it is acknowledged."""
        await self._connected.set_prompt(text, enhance=False)

    async def traffic(self) -> tuple[int, int] | None:
        """Bytes of RTP payload."""
        stats = self._connected.stats()
        return stats.bytes_sent, stats.bytes_received

    @property
    def subscribe_token(self) -> str:
        """What viewers need."""
        token = self._connected.subscribe_token
        if token is None:
            raise RuntimeError("the service has not named the session")
        return token

    async def close(self) -> None:
        """Disconnects."""
        if self._session is not None:
            await self._session.disconnect()

    @property
    def _connected(self) -> ph.RealTimeClient:
        if self._session is None:
            raise RuntimeError("the link is not open")
        return self._session


def connect(endpoint: dict[str, Any], bitrate: int) -> ParhelionLink:
    """A session that is not open yet."""
    return ParhelionLink(endpoint, bitrate)


async def serve(ready: Any, until: asyncio.Event, host: str) -> None:
    """Serves the identity model; calls ``ready`` with the endpoint."""
    server = ph.LocalServer(host)

    @server.model(_MODEL, fps=FPS, width=WIDTH, height=HEIGHT)
    def identity(frame: Pixels, context: ph.ModelContext) -> Pixels:
        del context
        return frame

    async with server:
        ready({"url": server.url, "api_key": server.api_key})
        await until.wait()
