"""Watching a portrait speak: what is shown, what is said of it, and where a mouth opens."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
from PIL import Image

import parhelion as ph
from vowel import RATE, vowel

PATIENCE = 30.0
"""Seconds that anything may take on a busy machine."""
MOUTH = (640, 440)
"""Where the drawing has its mouth when it is open, in the frame."""


def png(image: Image.Image, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG", **options)
    return content.getvalue()


def long_vowel(seconds: int = 30) -> Any:
    """Longer than anybody waits for a mouth to open."""
    return np.tile(vowel(1.0), seconds)


class Notes:
    """What a session says of its portrait."""

    def __init__(self, session: ph.RealTimeClient) -> None:
        self.texts: list[str] = []
        self._news = asyncio.Event()
        session.on("diagnostic", self._take)

    def _take(self, name: str, data: dict[str, Any]) -> None:
        if name == "prompt":
            self.texts.append(data["message"])
            self._news.set()

    async def until(self, words: str) -> str:
        while not (found := [text for text in self.texts if words in text]):
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), PATIENCE)
        return found[0]


async def until_shown(session: ph.RealTimeClient, condition: Callable[[Any], Any]) -> ph.Frame:
    """The first picture of which that is true."""

    async def wait() -> ph.Frame:
        while True:
            frame = await session.recv(timeout=PATIENCE)
            if condition(frame.data):
                return frame

    return await asyncio.wait_for(wait(), PATIENCE)


async def until_settled(session: ph.RealTimeClient) -> None:
    """A portrait fades in over ten pictures."""
    for _ in range(15):
        await session.recv(timeout=PATIENCE)


def is_portrait(data: Any) -> bool:
    """The skin of the drawing is at the middle of the upper half."""
    r, g, b = (int(level) for level in data[330, 640])
    return r > g + 15 > b


def is_color(data: Any, place: tuple[int, int], color: Any) -> bool:
    """Whether that color is at a place (x, y), as far as a codec and soft light leave it."""
    around = data[place[1] - 4 : place[1] + 5, place[0] - 4 : place[0] + 5]
    return bool(np.abs(around.mean(axis=(0, 1)) - np.asarray(color)).max() < 24)


def opening(data: Any, place: tuple[int, int] = MOUTH) -> int:
    """Pixels as dark as the inside of a mouth around a place (x, y)."""
    x, y = place
    return int((data[y - 50 : y + 60, x - 60 : x + 60].max(axis=2) < 90).sum())


@contextlib.asynccontextmanager
async def playing(session: ph.RealTimeClient, audio: Any, rate: int | None) -> AsyncIterator[None]:
    """While a clip plays; what is left of it is stopped."""
    call = asyncio.ensure_future(session.play_audio(audio, rate=rate))
    try:
        yield
    finally:
        if not call.cancel():
            await call
        await asyncio.gather(call, return_exceptions=True)


async def speaks(
    session: ph.RealTimeClient,
    place: tuple[int, int] = MOUTH,
    audio: Any = None,
    rate: int | None = None,
) -> None:
    """A mouth opens at a place while that is heard, and closes when it ends."""
    closed = opening((await session.recv(timeout=PATIENCE)).data, place)
    if audio is None:
        audio, rate = long_vowel(), RATE
    async with playing(session, audio, rate):
        await until_shown(session, lambda data: opening(data, place) > closed + 120)
    await until_shown(session, lambda data: opening(data, place) < closed + 40)
