"""Sounds that are odd, long, broken or in each other's way, through a real service: what the mouth
of a portrait does with each."""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import parhelion as ph
from drawing import drawn_portrait
from tones import wav
from vowel import vowel
from watching import (
    PATIENCE,
    RATE,
    is_portrait,
    long_vowel,
    opening,
    playing,
    png,
    speaks,
    until_settled,
    until_shown,
)

SECONDS = 8


@pytest.fixture
async def portrait(client: ph.Client) -> AsyncIterator[ph.RealTimeClient]:
    """A session in which a drawn portrait is seen, with its mouth closed."""
    state = ph.InitialState("calm", png(drawn_portrait()))
    async with client.realtime.connect(
        model="live_avatar", initial_state=state, timeout=PATIENCE
    ) as session:
        await until_shown(session, is_portrait)
        await until_settled(session)
        yield session


def spoken(rate: int, seconds: int = SECONDS) -> Any:
    """The vowel at another rate; above 24 kHz it has nothing."""
    second = vowel(1.0)
    at = np.arange(rate) * (RATE / rate)
    # Below 48 kHz: what the lower rate cannot hold would come back as something else.
    width = max(1, round(RATE / rate))
    smooth = np.convolve(second, np.ones(width) / width, "same")
    return np.tile(np.interp(at, np.arange(RATE), smooth).astype(np.float32), seconds)


def as_file(data: bytes, form: int, bits: int, channels: int = 1, rate: int = RATE) -> bytes:
    """A WAV of samples that are packed already; form 1 is whole numbers, 3 is floats."""
    frame = channels * bits // 8
    form_chunk = struct.pack(
        "<4sIHHIIHH", b"fmt ", 16, form, channels, rate, rate * frame, frame, bits
    )
    data_chunk = struct.pack("<4sI", b"data", len(data)) + data
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVE" + form_chunk + data_chunk


def packed_24(samples: Any) -> bytes:
    whole = np.round(samples * 8_388_607).astype("<i4")
    return whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def six_channels() -> Any:
    """The voice in the center, as films have it."""
    channels = np.zeros((SECONDS * RATE, 6), np.float32)
    channels[:, 2] = long_vowel(SECONDS)
    return channels


ODD_SOUNDS: dict[str, tuple[Any, int | None]] = {
    "a WAV of 32-bit floats": (as_file(long_vowel(SECONDS).astype("<f4").tobytes(), 3, 32), None),
    "a WAV of 64-bit floats": (as_file(long_vowel(SECONDS).astype("<f8").tobytes(), 3, 64), None),
    "a WAV of 24 bits": (as_file(packed_24(long_vowel(SECONDS)), 1, 24), None),
    "a WAV of 8 kHz": (wav(spoken(8000), 8000), None),
    "a WAV of 192 kHz": (wav(spoken(192_000), 192_000), None),
    "a WAV of 6 channels": (wav(six_channels()), None),
    "a truncated WAV": (wav(long_vowel(2 * SECONDS))[: SECONDS * RATE * 2], None),
    "an array of 8 kHz": (spoken(8000), 8000),
    "an array of 6 channels": (six_channels(), RATE),
}


async def test_sounds_of_every_kind_open_the_mouth(portrait):
    for name, (audio, rate) in ODD_SOUNDS.items():
        try:
            await speaks(portrait, audio=audio, rate=rate)
        except asyncio.TimeoutError:
            pytest.fail(f"{name}: the mouth did not open and close")


async def test_a_truncated_clip_ends_where_it_breaks_off(portrait):
    """A second of a clip that says it has ten."""
    whole = wav(long_vowel(10))
    call = asyncio.ensure_future(portrait.play_audio(whole[: len(whole) // 10]))
    await until_shown(portrait, lambda data: opening(data) > 120)
    await asyncio.wait_for(call, 8)
    await until_shown(portrait, lambda data: opening(data) < 40)
    assert portrait.is_connected()


BAD_SOUNDS: dict[str, tuple[Any, int | None, list[str]]] = {
    "no bytes": (b"", None, ["expected samples, got none", "silence needs no clip"]),
    "no samples": (np.zeros(0, np.int16), RATE, ["expected samples, got none", "silence"]),
    "an empty WAV": (wav(np.zeros(0)), None, ["expected samples, got none", "silence"]),
    "no sound": (b"hello, world", None, ["WAV, AIFF, FLAC", "got 12 bytes", "pass the samples"]),
    "a picture": (
        png(drawn_portrait(64, 64)),
        None,
        ["WAV, AIFF, FLAC", "something else", "rate="],
    ),
    "a header": (wav(vowel(0.1))[:30], None, ["audio: ", "rate="]),
    "too fast": (wav(vowel(0.1), 200_000), None, ["8000 to 192000", "got 200000", "resample"]),
    "too slow": (wav(vowel(0.1), 4000), None, ["8000 to 192000", "got 4000", "resample"]),
    "nine channels": (np.zeros((9, 9), np.int16), RATE, ["1 to 8 channels", "got 9", "mix it"]),
    "a folder": (Path(__file__).parent, None, ["path of a sound file", "not a regular file"]),
    "nowhere": (Path("no/such.wav"), None, ["path of a sound file", "no/such.wav", "No such"]),
}


async def test_sound_that_is_refused_leaves_the_one_that_is_spoken(portrait):
    async with playing(portrait, long_vowel(), RATE):
        await until_shown(portrait, lambda data: opening(data) > 120)
        for name, (audio, rate, says) in BAD_SOUNDS.items():
            with pytest.raises(ph.InvalidInputError) as refused:
                await portrait.play_audio(audio, rate=rate)
            text = str(refused.value)
            assert all(part in text for part in says), f"{name}: {text}"
        # What was on its way is past.
        await until_settled(portrait)
        await until_shown(portrait, lambda data: opening(data) > 120)


def resident() -> int:
    """Memory of this process, in MiB."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory from /proc")
async def test_a_clip_of_an_hour_takes_no_more_memory_and_can_be_stopped(portrait, tmp_path):
    """A vowel of ten seconds, and then an hour of zeros that the disk does not hold either."""
    await speaks(portrait)
    path = tmp_path / "hour.wav"
    content = wav(np.repeat(long_vowel(10)[:, None], 2, axis=1))
    hour = 3600 * RATE * 4
    with path.open("wb") as file:
        file.write(content[:4] + struct.pack("<I", 36 + hour) + content[8:40])
        file.write(struct.pack("<I", hour) + content[44:])
        file.truncate(44 + hour)
    del content
    before = resident()
    call = asyncio.ensure_future(portrait.play_audio(path))
    await until_shown(portrait, lambda data: opening(data) > 120)
    most = before
    for _ in range(40):
        await portrait.remote_stream.recv_audio(timeout=PATIENCE)
        most = max(most, resident())
    assert most - before < 60, f"{before} MiB became {most}; the clip has {hour >> 20}"
    assert not call.done()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await until_shown(portrait, lambda data: opening(data) < 40)
    await speaks(portrait)
    assert portrait.is_connected()


async def test_of_clips_that_overlap_the_mouth_follows_the_newest(portrait):
    first = asyncio.ensure_future(portrait.play_audio(long_vowel(), rate=RATE))
    await until_shown(portrait, lambda data: opening(data) > 120)
    second = asyncio.ensure_future(portrait.play_audio(np.zeros(20 * RATE, np.int16), rate=RATE))
    # It closes, though the first would go on for half a minute; and its call has returned.
    await until_shown(portrait, lambda data: opening(data) < 40)
    await asyncio.wait_for(first, PATIENCE)
    assert not second.done()
    third = asyncio.ensure_future(portrait.play_audio(long_vowel(), rate=RATE))
    await until_shown(portrait, lambda data: opening(data) > 120)
    await asyncio.wait_for(second, PATIENCE)
    third.cancel()
    await asyncio.gather(third, return_exceptions=True)
    await until_shown(portrait, lambda data: opening(data) < 40)


async def test_a_microphone_is_spoken_too(client):
    """An endless source in pieces of its own size, as the audio half of a stream."""

    async def microphone() -> AsyncIterator[tuple[Any, int]]:
        sound = (spoken(16_000, 1) * 32767).astype(np.int16)
        while True:
            for start in range(0, len(sound), 512):
                yield sound[start : start + 512], 16_000
                await asyncio.sleep(512 / 16_000)

    state = ph.InitialState("calm", png(drawn_portrait()))
    media = ph.Media(audio=microphone())
    async with client.realtime.connect(
        media, model="live_avatar", initial_state=state, timeout=PATIENCE
    ) as session:
        frame = await until_shown(session, lambda data: opening(data) > 120)
        assert is_portrait(frame.data)
        # A clip goes before it, and the microphone goes on after that.
        async with playing(session, np.zeros(20 * RATE, np.int16), RATE):
            await until_shown(session, lambda data: opening(data) < 40)
        await until_shown(session, lambda data: opening(data) > 120)
