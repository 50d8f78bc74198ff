"""Nothing jumps when the prompt, the clip or the portrait changes in the middle of a word, through
a real service: how far each picture is from the one before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

import parhelion as ph
from drawing import drawn_portrait
from vowel import vowel
from watching import PATIENCE, RATE, long_vowel, opening, playing, png, until_settled, until_shown

BLOCK = 8
"""Pixels along each side that are taken as one: what the codec adds goes away."""
FACE = slice(15, 70), slice(60, 100)
"""The face of the drawing, in blocks."""


def speech(seconds: int = 60) -> Any:
    """Syllables of a quarter of a second, and shorter pauses."""
    syllable = np.concatenate([vowel(0.25), np.zeros(int(0.15 * RATE), np.float32)])
    return np.tile(syllable, round(seconds / 0.4))


class Film:
    """How far each picture of a session is from the one before, from now on."""

    def __init__(self, session: ph.RealTimeClient) -> None:
        self.steps: list[tuple[Any, float]] = []
        self.newest: Any = None
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._watch(session))

    async def _watch(self, session: ph.RealTimeClient) -> None:
        before = 0.0
        async for frame in session.frames():
            assert frame.capture_time is not None
            # A quarter of the pixels tells as much.
            blocks = frame.data[::2, ::2].reshape(90, BLOCK // 2, 160, BLOCK // 2, 3)
            newest = blocks.mean((1, 3), dtype=np.float32)
            if self.newest is not None:
                # On a busy machine pictures are lost, and one step stands for several.
                steps = max(1.0, (frame.capture_time - before) * 25)
                self.steps.append((np.abs(newest - self.newest), steps))
            before, self.newest = frame.capture_time, newest
            self._news.set()

    async def next(self, count: int) -> list[tuple[Any, float]]:
        """The next steps."""
        since = len(self.steps)

        async def wait() -> None:
            while len(self.steps) < since + count:
                self._news.clear()
                await self._news.wait()

        await asyncio.wait_for(wait(), PATIENCE)
        return self.steps[since:]

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def largest(steps: list[tuple[Any, float]]) -> float:
    """The largest step of a face from one picture to the next."""
    return max(float(step[FACE].mean()) / count for step, count in steps)


@asynccontextmanager
async def filmed(client) -> AsyncIterator[tuple[ph.RealTimeClient, Film]]:
    """A session with a drawn portrait that has come to rest, and what is seen of it."""
    state = ph.InitialState("calm", png(drawn_portrait()))
    async with client.realtime.connect(
        model="live_avatar", initial_state=state, timeout=PATIENCE
    ) as session:
        await until_settled(session)
        film = Film(session)
        try:
            yield session, film
        finally:
            await film.stop()


async def test_a_face_does_not_jump_when_its_prompt_or_its_clip_changes(client):
    async with filmed(client) as (session, film):
        async with playing(session, speech(), RATE):
            ordinary = await film.next(40)
            speaks = max(float(step[FACE].mean()) for step, _ in ordinary)
            for mood in ("surprised, look to the left", "angry, lively, tilt the head"):
                await session.set_prompt(mood)
                # It is another manner of speaking, so its own steps may be larger.
                assert largest(await film.next(15)) < 2.2 * speaks, mood
            # In the middle of a syllable another one begins, and then there is none.
            async with playing(session, speech()[3000:], RATE):
                assert largest(await film.next(12)) < 2.2 * speaks, "another clip"
        assert largest(await film.next(15)) < 2.2 * speaks, "silence"
        for mood in ("sleepy", "angry, lively, tilt the head", "calm"):
            await session.set_prompt(mood)
            assert largest(await film.next(15)) < 1.2 * speaks, f"{mood}, in silence"
        async with playing(session, speech(), RATE):
            assert largest(await film.next(15)) < 2.2 * speaks, "a first word"


async def test_portrait_and_prompt_change_at_once_in_the_middle_of_a_word(client):
    """The one fades into the other, and speaks on."""
    another = png(drawn_portrait(background="#b07040"))
    async with filmed(client) as (session, film), playing(session, long_vowel(60), RATE):
        await film.next(10)
        before, since = film.newest, len(film.steps)
        await session.set(prompt="smile, look to the left", image=another)
        while np.abs(film.newest - before).mean() < 30:  # it is looked at first
            await film.next(3)
        await film.next(12)
        whole = float(np.abs(film.newest - before).mean())
        steps = film.steps[since:]
        # Ten pictures of 0.4 s; in the middle they go faster.
        most = max(float(step.mean()) / count for step, count in steps)
        assert most < whole / 4, f"{most} of {whole}"
        await until_shown(session, lambda data: opening(data) > 120)
