"""Sound that cannot be played or sent, and sound that is odd but can."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import parhelion as ph
from tones import RATE, tone, wav


async def test_other_models_play_no_clips_and_say_which_do(session):
    with pytest.raises(ph.InvalidInputError, match="mirage_v2 is not") as raised:
        await session.play_audio(tone(0.1), rate=RATE)
    assert "live_avatar" in str(raised.value)
    assert raised.value.operation == "play_audio"


async def test_a_session_without_audio_says_how_to_have_it(session, client):
    with pytest.raises(ph.InvalidStateError, match="audio=True"):
        session.send_audio(tone(0.1))
    with pytest.raises(ph.InvalidStateError, match="audio=True"):
        await session.remote_stream.recv_audio(timeout=1)
    options = {"model": "live_avatar", "audio": False, "timeout": 20}
    async with client.realtime.connect(**options) as silent:
        with pytest.raises(ph.InvalidStateError, match="audio=True"):
            await silent.play_audio(tone(0.1), rate=RATE)


NOISE = np.random.default_rng(7).bytes(20_000)

BAD_CLIPS: dict[str, tuple[Any, Any, str]] = {
    "nothing": (b"", None, "got none"),
    "no samples": (np.zeros(0, np.int16), RATE, "got none"),
    "no frames": (np.zeros((0, 2), np.int16), RATE, "got none"),
    "text": (b"hello, this is no sound", None, "expected a WAV"),
    "empty wav": (wav(np.zeros(0)), None, "got none"),
    "half a header": (wav(tone(0.1))[:20], None, "audio:"),
    "nan": (np.array([0, np.nan], np.float32), RATE, "NaN at 1"),
    "another scale": (np.array([0, 3000], np.float32), RATE, "3000 at 1"),
    "float64": (np.zeros(10), RATE, "float64"),
    "uint8": (np.zeros(10, np.uint8), RATE, "uint8"),
    "three axes": (np.zeros((4, 2, 2), np.int16), RATE, "shape"),
    "scalar": (np.array(1, np.int16), RATE, "shape"),
    "nine channels": (np.zeros((10, 9), np.int16), RATE, "channels, got 9"),
    "no rate": (np.zeros(10, np.int16), None, "rate"),
    "slow": (np.zeros(10, np.int16), 7999, "7999"),
    "fast": (np.zeros(10, np.int16), 192_001, "192001"),
    "no number": (np.zeros(10, np.int16), "48000", "48000"),
    "true": (np.zeros(10, np.int16), True, "True"),
    "a rate for a file": (wav(tone(0.1)), RATE, "None with a file"),
    "slow file": (wav(tone(0.1), 4000), None, "4000"),
    "missing": (Path("/nowhere/clip.wav"), None, "No such file"),
    "directory": (Path("/"), None, "regular file"),
    "device": ("/dev/zero", None, "regular file"),
    "url": ("https://example.org/clip.wav", None, "https URL"),
    "nul": ("a\0b.wav", None, "NUL"),
    "none": (None, None, "NoneType"),
    "a number": (440, None, "int"),
    "a list": ([0, 0], RATE, "list"),
}


@pytest.mark.parametrize("name", BAD_CLIPS)
async def test_bad_clips(avatar, name):
    audio, rate, expected = BAD_CLIPS[name]
    with pytest.raises(ph.InvalidInputError) as raised:
        await avatar.play_audio(audio, rate=rate)
    assert expected in str(raised.value)
    assert raised.value.operation == "play_audio"
    assert avatar.is_connected()


GOOD_CLIPS: dict[str, tuple[Any, int | None]] = {
    "8 kHz": (tone(0.1, rate=8000), 8000),
    "192 kHz": (tone(0.1, rate=192_000), 192_000),
    "6 channels": (np.stack([tone(0.1)] * 6, axis=1), RATE),
    "truncated": (wav(tone(0.4))[:9000], None),
    "one sample": (np.zeros(1, np.int16), RATE),
    "loud": (tone(0.1, level=2.0), RATE),
    "big endian": (tone(0.1).astype(">f4").astype("=f4"), RATE),
    "int16 as numpy rate": ((tone(0.1) * 32767).astype(np.int16), np.int64(RATE)),
}


@pytest.mark.parametrize("name", GOOD_CLIPS)
async def test_odd_but_good_clips(avatar, name):
    audio, rate = GOOD_CLIPS[name]
    await asyncio.wait_for(avatar.play_audio(audio, rate=rate), 10)


BAD_SAMPLES: dict[str, tuple[Any, Any, str]] = {
    "none": (np.zeros(0, np.int16), RATE, "got none"),
    "too many": (np.zeros(RATE + 1, np.int16), RATE, "one second"),
    "nan": (np.full(10, np.nan, np.float32), RATE, "NaN"),
    "float64": (np.zeros(10), RATE, "float64"),
    "text": ("hello", RATE, "got str"),
    "nine channels": (np.zeros((10, 9), np.int16), RATE, "9"),
    "no rate": (np.zeros(10, np.int16), None, "rate"),
    "slow": (np.zeros(10, np.int16), 10, "10"),
}


@pytest.mark.parametrize("name", BAD_SAMPLES)
async def test_bad_samples(avatar, name):
    samples, rate, expected = BAD_SAMPLES[name]
    with pytest.raises(ph.InvalidInputError) as raised:
        avatar.send_audio(samples, rate=rate)
    assert expected in str(raised.value)
    assert raised.value.operation == "send_audio"
    assert avatar.is_connected()


@pytest.mark.parametrize("audio", [wav(tone(0.1)), np.zeros(10, np.int16), 440, "clip.wav"])
async def test_audio_that_is_no_stream(client, audio):
    with pytest.raises(ph.InvalidInputError, match="audio: expected an iterable"):
        client.realtime.connect(ph.Media(audio=audio), model="mirage")


async def test_options_that_contradict_each_other(client):
    with pytest.raises(ph.InvalidOptionsError, match="audio"):
        client.realtime.connect(ph.Media(audio=[tone(0.1)]), model="mirage", audio=False)
    with pytest.raises(ph.InvalidOptionsError, match="audio"):
        client.realtime.connect(model="mirage", audio="yes")


async def test_nobody_comes_in_time(client):
    async with client.realtime.connect(model="live_avatar", timeout=20) as session:
        stream = session.remote_stream

        async def read_all() -> None:
            """Until what was made so far has been read, and the next is not there yet."""
            while True:
                await stream.recv_audio(timeout=0.0001)

        with pytest.raises(ph.ConnectTimeoutError) as raised:
            await asyncio.wait_for(read_all(), 20)
        assert raised.value.operation == "recv_audio"
