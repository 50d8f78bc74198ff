"""A portrait that speaks, through a real service: what is seen, when, and of which pictures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import parhelion as ph
from drawing import drawn_portrait
from vowel import RATE, vowel
from watching import Notes, is_portrait, png, until_settled, until_shown

SYLLABLE = 0.16
SPEECH = Path(__file__).parents[2] / "sounds" / "hello.flac"


class Seen:
    """All pictures and all sound of a session, from now on."""

    def __init__(self, session: ph.RealTimeClient) -> None:
        self.pictures: list[tuple[float, Any]] = []
        self.sounds: list[tuple[float, Any]] = []
        self._news = asyncio.Event()
        self._tasks = [
            asyncio.create_task(self._watch(session)),
            asyncio.create_task(self._hear(session)),
        ]

    async def _watch(self, session: ph.RealTimeClient) -> None:
        async for frame in session.frames():
            assert frame.data.shape == (720, 1280, 3)
            assert frame.capture_time is not None
            # The face is in the middle; half of the pixels tell as much.
            self.pictures.append((frame.capture_time, frame.data[::2, 320:960:2].astype(np.int16)))
            self._news.set()

    async def _hear(self, session: ph.RealTimeClient) -> None:
        async for block in session.remote_stream.audio_frames():
            assert block.capture_time is not None
            self.sounds.append((block.capture_time, block.data[:, 0].copy()))
            self._news.set()

    async def until(self, condition: Callable[[], bool], timeout: float = 20.0) -> None:
        async def wait() -> None:
            while not condition():
                self._news.clear()
                await self._news.wait()

        await asyncio.wait_for(wait(), timeout)

    async def until_heard(self) -> None:
        """Everything up to now has come back, with its pictures."""
        now = time.time()
        await self.until(lambda: min(self.pictures[-1][0], self.sounds[-1][0]) > now)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def mouth(self) -> list[float]:
        """How much each picture differs from the first around the mouth."""
        first = self.pictures[0][1]
        top, bottom = 180, 280
        return [
            float(np.abs(picture[top:bottom, 90:230] - first[top:bottom, 90:230]).mean())
            for _, picture in self.pictures
        ]

    def openings(self) -> list[int]:
        """Pixels as dark as the inside of a mouth, where the drawing has its mouth."""
        return [int((p[195:250, 130:190].max(axis=2) < 90).sum()) for _, p in self.pictures]

    def likeness_to_the_voice(self) -> float:
        """The correlation of the opening with the loudness of the 60 ms before each picture."""
        times = np.concatenate([time + np.arange(len(data)) / RATE for time, data in self.sounds])
        power = np.concatenate([data for _, data in self.sounds]).astype(float) ** 2
        span = int(0.06 * RATE)
        total = np.concatenate([np.zeros(span), np.cumsum(power)])
        loudness = np.sqrt((total[span:] - total[:-span]) / span)
        heard = [np.interp(time, times, loudness) for time, _ in self.pictures]
        return float(np.corrcoef(heard, self.openings())[0, 1])

    def starts(self) -> list[float]:
        """When a sound starts after silence."""
        times = np.concatenate([time + np.arange(len(data)) / RATE for time, data in self.sounds])
        loud = times[np.abs(np.concatenate([data for _, data in self.sounds])) > 1500]
        return [float(loud[0]), *map(float, loud[1:][np.diff(loud) > 0.3])]


async def test_the_mouth_opens_when_the_sound_starts(avatar):
    """The picture in which the mouth opens against the sample in which each click starts."""
    await avatar.set_image(png(drawn_portrait()), prompt="calm")
    await until_shown(avatar, is_portrait)
    await until_settled(avatar)
    track = np.zeros(int(3.2 * RATE), np.float32)
    click = vowel(SYLLABLE)
    for at in (0.4, 1.2, 2.0):
        track[int(at * RATE) :][: len(click)] += click
    seen = Seen(avatar)
    await seen.until(lambda: len(seen.pictures) > 5 and bool(seen.sounds))
    await avatar.play_audio(track, rate=RATE)
    await seen.until_heard()
    await seen.stop()
    starts = seen.starts()
    assert len(starts) == 3, starts
    mouth = np.asarray(seen.mouth())
    times = [time for time, _ in seen.pictures]
    offs = []
    for start in starts:
        before = [m for t, m in zip(times, mouth, strict=True) if start - 0.3 < t < start - 0.06]
        quiet = max(before)
        during = [
            (t, m) for t, m in zip(times, mouth, strict=True) if start - 0.06 <= t < start + 0.3
        ]
        # A third of what it opens: well above what a drifting head does.
        limit = quiet + (max(m for _, m in during) - quiet) / 3
        offs.append(next(t for t, m in during if m > limit) - start)
    assert max(abs(off) for off in offs) <= 0.08, offs


async def test_silence_keeps_the_mouth_closed_and_the_face_alive(avatar):
    await avatar.set_image(png(drawn_portrait()))
    await until_shown(avatar, is_portrait)
    await until_settled(avatar)
    seen = Seen(avatar)
    await seen.until(lambda: len(seen.pictures) > 55)
    await seen.stop()
    times = [time for time, _ in seen.pictures]
    assert np.diff(times).max() < 0.5
    first, last = seen.pictures[0][1], seen.pictures[-1][1]
    assert np.abs(first - last).max() > 8, "nothing lives"
    # No dark comes up between the lips.
    assert max(seen.openings()) < 40, seen.openings()


async def test_speech_comes_back_with_its_pictures(avatar):
    await avatar.set_image(png(drawn_portrait()), prompt="smile warmly, nod occasionally")
    await until_shown(avatar, is_portrait)
    seen = Seen(avatar)
    await avatar.play_audio(SPEECH)
    await seen.until_heard()
    await seen.stop()
    sound = np.concatenate([data for _, data in seen.sounds])
    assert np.abs(sound).max() > 5000
    # Closed before the first word, open in it.
    assert min(seen.openings()) < 40
    assert max(seen.openings()) > 100
    assert seen.likeness_to_the_voice() > 0.5
    # Each on one clock, and neither far ahead of the other.
    assert abs(seen.pictures[-1][0] - seen.sounds[-1][0]) < 0.5


async def test_a_portrait_without_a_face_is_shown_and_said(avatar):
    notes = Notes(avatar)
    await avatar.set_image(np.full((300, 400, 3), (200, 40, 30), np.uint8))
    await until_shown(avatar, lambda data: data[360, 640, 0] > 150 > data[360, 640, 1] + 60)
    await notes.until("no face was found")
    assert "both eyes and the mouth" in notes.texts[0]
    # Clearing it leads back to the card.
    await avatar.set_image(None)
    await until_shown(avatar, lambda data: np.abs(data[360, 640] - np.int16(119)).max() < 12)


async def test_without_a_portrait_there_is_a_card_and_the_sound_comes_back(avatar):
    frame = await avatar.recv(timeout=20)
    assert np.abs(frame.data.astype(np.int16) - 119).max() < 12
    await avatar.play_audio(vowel(SYLLABLE), rate=RATE)
    block = await avatar.remote_stream.recv_audio(timeout=20)
    assert block.data.shape == (960, 2)


async def test_one_portrait_fades_into_the_next(avatar):
    await avatar.set_image(np.full((360, 640, 3), 30, np.uint8))
    await until_shown(avatar, lambda data: data[360, 640].max() < 45)
    await avatar.set_image(np.full((360, 640, 3), 220, np.uint8))
    levels: list[int] = []

    def fades(data: Any) -> bool:
        levels.append(int(data[360, 640, 0]))
        return levels[-1] > 205

    await until_shown(avatar, fades)
    between = [level for level in levels if 50 < level < 190]
    assert len(between) >= 3, levels


@pytest.mark.parametrize(
    ("audio", "rate", "said"),
    [
        (np.zeros(0, np.float32), 48_000, "none"),
        (b"this is no sound at all", None, "expected a WAV"),
        (np.zeros(100, np.float32), 400_000, "rate"),
        (np.zeros(100, np.int32), 48_000, "int16"),
    ],
)
async def test_sound_that_cannot_be_played_is_refused_in_words(avatar, audio, rate, said):
    with pytest.raises(ph.InvalidInputError, match=said):
        await avatar.play_audio(audio, rate=rate)
