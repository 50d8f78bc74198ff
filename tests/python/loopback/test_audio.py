"""Sound through a real service and back: what it is, when it is, and whose it is."""

from __future__ import annotations

import asyncio
import io
import itertools
import time
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import parhelion as ph

RATE = 48_000
BLOCK = 960
# A codec keeps the level of a tone this well.
TOLERANCE = 0.1


def tone(seconds: float, pitch: float = 440.0, level: float = 0.25, rate: int = RATE) -> Any:
    n = np.arange(int(seconds * rate))
    return (level * np.sin(2 * np.pi * pitch * n / rate)).astype(np.float32)


def wav(samples: Any, rate: int = RATE) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return content.getvalue()


def pitch_and_level(samples: Any) -> tuple[float, float]:
    """Of the strongest tone: its pitch in Hz, and its peak in parts of full scale."""
    window = np.hanning(len(samples))
    spectrum = np.abs(np.fft.rfft(samples / 32768 * window)) / window.sum() * 2
    strongest = int(spectrum[1:].argmax()) + 1
    # The window spreads a tone over three lines.
    level = np.sqrt((spectrum[max(0, strongest - 2) : strongest + 3] ** 2).sum() / 1.5)
    return strongest * RATE / len(samples), float(level)


class Ear:
    """Hears everything that a session gives back, from now on."""

    def __init__(self, session: ph.RealTimeClient) -> None:
        self.frames: list[ph.AudioFrame] = []
        self._session = session
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._hear())

    async def _hear(self) -> None:
        async for frame in self._session.remote_stream.audio_frames():
            self.frames.append(frame)
            self._news.set()

    async def until(self, condition: Callable[[list[ph.AudioFrame]], object]) -> None:
        async def wait() -> None:
            while not condition(self.frames):
                self._news.clear()
                await self._news.wait()

        await asyncio.wait_for(wait(), 20)

    def loud(self) -> list[ph.AudioFrame]:
        return [frame for frame in self.frames if np.abs(frame.data).max() > 1000]

    @property
    def samples(self) -> Any:
        return np.concatenate([frame.data for frame in self.frames])

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def avatar(client: ph.Client) -> AsyncIterator[ph.RealTimeClient]:
    """A session with a model that is driven by sound, and nothing sent by the user."""
    async with client.realtime.connect(model="live_avatar", timeout=20) as session:
        yield session


@pytest.fixture
async def ear(avatar: ph.RealTimeClient) -> AsyncIterator[Ear]:
    ear = Ear(avatar)
    yield ear
    await ear.stop()


async def silence_then(ear: Ear, blocks: int = 5) -> None:
    """Waits until silence has come back, and a little more."""
    heard = len(ear.frames)
    await ear.until(lambda frames: len(frames) >= heard + blocks)


# What goes there and back -------------------------------------------------------------------------


async def test_silence_flows_without_a_pause(avatar, ear):
    await ear.until(lambda frames: len(frames) >= 40)
    assert not ear.loud()
    frame = ear.frames[0]
    assert (frame.data.shape, frame.data.dtype, frame.rate) == ((BLOCK, 2), np.int16, RATE)
    assert frame.data.flags.c_contiguous
    assert frame.data.flags.writeable
    steps = np.diff([frame.capture_time for frame in ear.frames])
    assert np.allclose(steps, 0.02, atol=0.002), steps


async def test_a_clip_comes_back_as_it_went(avatar, ear):
    await silence_then(ear)
    began = time.monotonic()
    await avatar.play_audio(tone(1.0), rate=RATE)
    took = time.monotonic() - began
    # As long as it lasts: it is sent at the rate at which it sounds.
    assert 0.95 < took < 3
    await silence_then(ear)
    loud = ear.loud()
    assert 50 <= len(loud) <= 52
    pitch, level = pitch_and_level(np.concatenate([frame.data for frame in loud])[RATE // 4 :, 0])
    assert pitch == pytest.approx(440, abs=3)
    assert level == pytest.approx(0.25, rel=TOLERANCE)
    # One stretch, and silence around it.
    places = [ear.frames.index(frame) for frame in loud]
    assert places == list(range(places[0], places[-1] + 1))
    # 10 ms after the end even the codec is silent.
    assert np.abs(ear.samples[(places[-1] + 2) * BLOCK :]).max() < 100


async def test_left_and_right_stay_apart(avatar, ear):
    both = np.stack([tone(0.5, 440), tone(0.5, 1000)], axis=1)
    await avatar.play_audio((both * 32767).astype(np.int16), rate=RATE)
    await silence_then(ear)
    sound = np.concatenate([frame.data for frame in ear.loud()])[4800:]
    assert pitch_and_level(sound[:, 0])[0] == pytest.approx(440, abs=5)
    assert pitch_and_level(sound[:, 1])[0] == pytest.approx(1000, abs=5)


@pytest.mark.parametrize("kind", ["bytes", "bytearray", "path", "str", "strided", "44100"])
async def test_every_kind_of_clip(avatar, ear, tmp_path, kind):
    samples = tone(0.4)
    path = tmp_path / "clip.wav"
    path.write_bytes(wav(samples))
    clips: dict[str, tuple[Any, int | None]] = {
        "bytes": (wav(samples), None),
        "bytearray": (bytearray(wav(samples)), None),
        "path": (path, None),
        "str": (str(path), None),
        "strided": (np.stack([samples[::-1], samples], axis=1)[::-1, :1], RATE),
        "44100": (wav(tone(0.4, rate=44_100), 44_100), None),
    }
    audio, rate = clips[kind]
    await avatar.play_audio(audio, rate=rate)
    await silence_then(ear)
    sound = np.concatenate([frame.data for frame in ear.loud()])
    assert len(sound) == pytest.approx(0.4 * RATE, abs=2.5 * BLOCK)
    pitch, level = pitch_and_level(sound[4800:14_400, 0])
    assert pitch == pytest.approx(440, abs=6)
    assert level == pytest.approx(0.25, rel=TOLERANCE)
    if kind == "bytearray":
        # The caller's own is left alone, and can be played again.
        assert len(audio) == len(wav(samples))


async def test_sound_and_pictures_can_be_set_against_each_other(avatar, ear, picture):
    """The same moment has the same time, whether it is heard or seen."""
    ear_task = asyncio.create_task(avatar.play_audio(tone(1.5), rate=RATE))
    seen = []
    began = time.time()
    for shade in range(25):
        avatar.send(picture(shade=shade))
        seen.append(await avatar.recv(timeout=20))
        await asyncio.sleep(0.02)
    await ear_task
    ended = time.time()
    for one in [*seen, *ear.frames]:
        assert one.capture_time is not None
        assert one.received_at >= one.capture_time - 0.001
    # Frames of the user's, not of the service's own.
    mine = [frame for frame in seen if frame.input_id is not None]
    assert len(mine) > 15
    assert all(began <= frame.capture_time <= ended for frame in mine)
    loud = ear.loud()
    assert began - 0.01 <= loud[0].capture_time <= began + 3.0
    assert loud[-1].capture_time - loud[0].capture_time == pytest.approx(1.5, abs=0.1)
    times = [frame.capture_time for frame in ear.frames]
    assert all(one < other for one, other in itertools.pairwise(times))


async def test_sound_is_delayed_as_the_pictures_are(server, client, picture):
    """A model that takes its time does not leave its sound behind."""

    definition = ph.ModelDefinition("slow", 25, 320, 240)

    @server.model("slow")
    def slow(frame, context):
        time.sleep(0.2)
        return frame

    async with client.realtime.connect(model=definition, audio=True, timeout=20) as session:
        delays: list[float] = []
        pictures: list[float] = []
        ear = Ear(session)
        for _ in range(12):
            session.send(picture())
            frame = await session.recv(timeout=20)
            pictures.append(frame.received_at - frame.capture_time)
        delays = [frame.received_at - frame.capture_time for frame in ear.frames[-10:]]
        await ear.stop()
    assert np.median(pictures) > 0.2
    # Pictures take the way through the video codec, too.
    assert 0.12 < np.median(delays) < np.median(pictures) + 0.1


async def test_those_who_watch_hear_it_too(avatar, client):
    async with client.realtime.subscribe(avatar.subscribe_token, timeout=20) as viewer:
        ear = Ear(viewer)
        await silence_then(ear)
        await avatar.play_audio(tone(0.6), rate=RATE)
        await ear.until(lambda _: len(ear.loud()) >= 25)
        await ear.stop()
        sound = np.concatenate([frame.data for frame in ear.loud()])[4800:14_400, 0]
        assert pitch_and_level(sound)[0] == pytest.approx(440, abs=6)
        assert (await viewer.recv(timeout=20)).width == 1280


async def test_a_bad_link_is_heard_as_little_as_possible(server, avatar, ear):
    """Lost, late and doubled packets: the sound has neither holes nor anything twice."""
    await silence_then(ear)
    seed = 5
    with server.faults.packets(loss=0.03, reorder=0.05, duplicate=0.02, seed=seed):
        await avatar.play_audio(tone(3.0), rate=RATE)
        await silence_then(ear)
    loud = ear.loud()
    assert len(loud) >= 146, f"seed {seed}: {len(loud)} blocks"
    times = [frame.capture_time for frame in ear.frames]
    assert all(one < other for one, other in itertools.pairwise(times))
    stats = avatar.stats()
    assert stats.audio_packets_lost > 0
    assert stats.audio_samples_concealed > 0
    sound = np.concatenate([frame.data for frame in loud])[9600:-9600, 0]
    pitch, level = pitch_and_level(sound)
    assert pitch == pytest.approx(440, abs=3)
    assert level > 0.2


# Clips one after another --------------------------------------------------------------------------


async def test_a_second_clip_takes_the_place_of_the_first(avatar, ear):
    first = asyncio.create_task(avatar.play_audio(tone(30, 440), rate=RATE))
    await ear.until(lambda _: len(ear.loud()) >= 15)
    second = asyncio.create_task(avatar.play_audio(tone(0.5, 1200), rate=RATE))
    await asyncio.wait_for(first, 20)
    assert not second.done()
    await second
    await silence_then(ear)
    sound = np.concatenate([frame.data for frame in ear.loud()])[:, 0]
    assert pitch_and_level(sound[4800:12_000])[0] == pytest.approx(440, abs=8)
    assert pitch_and_level(sound[-19_200:-4800])[0] == pytest.approx(1200, abs=8)


async def test_a_clip_is_still_the_callers_and_can_be_played_again(avatar, ear):
    clip = tone(0.1)
    before = clip.copy()
    for times in (1, 2):
        await avatar.play_audio(clip, rate=RATE)
        await silence_then(ear)
        assert 4 * times <= len(ear.loud()) <= 7 * times
    assert np.array_equal(clip, before)


async def test_each_of_three_calls_returns_by_itself(avatar, ear):
    """As those of other clients do not: the second never returned, or the third stopped nothing."""
    calls = [
        asyncio.create_task(avatar.play_audio(tone(seconds), rate=RATE))
        for seconds in (30, 20, 0.3)
    ]
    await asyncio.wait_for(asyncio.gather(*calls), 10)
    await silence_then(ear)
    assert len(ear.loud()) <= 20


async def test_a_cancelled_call_stops_its_clip(avatar, ear):
    call = asyncio.create_task(avatar.play_audio(tone(30), rate=RATE))
    await ear.until(lambda _: len(ear.loud()) >= 5)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    heard = len(ear.loud())
    await silence_then(ear, 15)
    assert len(ear.loud()) <= heard + 8
    assert np.abs(ear.frames[-1].data).max() < 100
    await avatar.play_audio(tone(0.1), rate=RATE)


async def test_a_clip_that_cannot_be_read_leaves_the_one_that_plays(avatar, ear):
    call = asyncio.create_task(avatar.play_audio(tone(0.8), rate=RATE))
    await ear.until(lambda _: len(ear.loud()) >= 3)
    with pytest.raises(ph.InvalidInputError):
        await avatar.play_audio(b"no sound at all")
    assert not call.done()
    await call
    await silence_then(ear)
    assert len(ear.loud()) >= 39


async def test_the_event_loop_is_free_while_a_clip_is_opened(avatar, ear, tmp_path):
    path = tmp_path / "long.wav"
    path.write_bytes(wav(np.tile(tone(1.0, rate=192_000), 60), 192_000))
    began = time.thread_time()
    call = asyncio.create_task(avatar.play_audio(path))
    await ear.until(lambda _: len(ear.loud()) >= 5)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    # Of this thread: decoding and resampling a minute takes ten times as long.
    assert time.thread_time() - began < 0.1


async def test_a_session_that_ends_lets_go_of_who_plays_and_who_listens(avatar):
    playing = asyncio.create_task(avatar.play_audio(tone(30), rate=RATE))
    stream = avatar.remote_stream
    for _ in range(10):
        await stream.recv_audio(timeout=20)
    listening = [asyncio.create_task(stream.recv_audio()) for _ in range(200)]
    await asyncio.sleep(0)
    await avatar.disconnect()
    with pytest.raises(ph.DisconnectedError, match="while the clip played"):
        await asyncio.wait_for(playing, 5)
    outcomes = await asyncio.wait_for(asyncio.gather(*listening, return_exceptions=True), 5)
    assert isinstance(outcomes[-1], ph.DisconnectedError)
    with pytest.raises(ph.InvalidStateError):
        await avatar.play_audio(tone(0.1), rate=RATE)
    with pytest.raises(ph.InvalidStateError):
        avatar.send_audio(tone(0.1))
    with pytest.raises(ph.DisconnectedError):
        await stream.recv_audio()


async def test_a_clip_waits_for_the_connection_and_goes_on(server, client, record):
    async with client.realtime.connect(model="live_avatar", timeout=20) as session:
        events = record(session)
        ear = Ear(session)
        await silence_then(ear)
        call = asyncio.create_task(session.play_audio(tone(1.5), rate=RATE))
        await ear.until(lambda _: len(ear.loud()) >= 20)
        server.end_session(session.session_id, "error")
        await events.until(lambda seen: "reconnecting" in seen.states)
        assert not call.done()
        await asyncio.wait_for(call, 20)
        assert session.is_connected()
        await silence_then(ear)
        await ear.stop()
        # Nothing is heard twice, and little is lost on the way that broke.
        assert 55 <= len(ear.loud()) <= 77


# Live sound ---------------------------------------------------------------------------------------


async def test_a_microphone_beside_video_on_any_model(client, picture):
    """Pieces as a microphone gives them, in its own time and of its own size."""
    sound = tone(1.0, 660)

    async def microphone() -> AsyncIterator[Any]:
        for start in range(0, len(sound), 512):
            yield (sound[start : start + 512] * 32767).astype(np.int16)
            await asyncio.sleep(512 / RATE)

    video = (picture(shade=n) for n in itertools.count())
    media = ph.Media(video=video, audio=microphone())
    async with client.realtime.connect(media, model="mirage", timeout=20) as session:
        ear = Ear(session)
        await ear.until(lambda _: len(ear.loud()) >= 35)
        assert (await session.recv(timeout=20)).width == 320
        await ear.stop()
        heard = np.concatenate([frame.data for frame in ear.loud()])[9600:19_200, 0]
        assert pitch_and_level(heard)[0] == pytest.approx(660, abs=8)
        times = [frame.capture_time for frame in ear.frames]
        assert all(one < other for one, other in itertools.pairwise(times))
        assert session.is_connected()


async def test_a_list_of_long_pieces_is_sent_at_the_pace_of_its_sound(client):
    pieces = [(tone(0.6, 440, rate=16_000), 16_000), tone(0.6, 440)]
    media = ph.Media(audio=pieces)
    async with client.realtime.connect(media, model="live_avatar", timeout=20) as session:
        ear = Ear(session)
        await ear.until(lambda _: ear.loud() and not np.abs(ear.frames[-1].data).max() > 1000)
        await ear.stop()
        heard = len(ear.loud()) * 0.02
        stats = session.stats()
    assert 1.0 < heard < 1.4
    assert stats.audio_samples_dropped == 0


async def test_sound_is_sent_by_hand(client):
    async with client.realtime.connect(model="mirage", audio=True, timeout=20) as session:
        ear = Ear(session)
        for start in range(0, RATE // 2, 480):
            session.send_audio(tone(0.6, 880)[start : start + 480])
            await asyncio.sleep(0.01)
        await silence_then(ear, 10)
        await ear.stop()
        sound = np.concatenate([frame.data for frame in ear.loud()])[4800:14_400, 0]
        assert pitch_and_level(sound)[0] == pytest.approx(880, abs=10)


async def test_what_cannot_be_sent_in_time_is_dropped_and_counted(client):
    async with client.realtime.connect(model="mirage", audio=True, timeout=20) as session:
        for _ in range(5):
            session.send_audio(tone(1.0))
        stats = session.stats()
        assert 3.5 * RATE < stats.audio_samples_dropped < 4.1 * RATE
        audio = await session.remote_stream.recv_audio(timeout=20)
        assert audio.samples == BLOCK


async def test_a_source_of_sound_that_fails_says_so(client, record):
    def broken():
        yield tone(0.1)
        yield "no samples"

    media = ph.Media(audio=broken())
    async with client.realtime.connect(media, model="live_avatar", timeout=20) as session:
        events = record(session)
        await events.until(lambda seen: seen.of("error"))
        error = events.of("error")[0]
        assert isinstance(error, ph.SourceError)
        assert "array of samples" in str(error)


# Pictures for a model that is driven by sound -----------------------------------------------------


async def test_an_avatar_is_seen_without_any_video_of_the_users(client, picture, tmp_path):
    from PIL import Image

    portrait = tmp_path / "portrait.png"
    Image.fromarray(np.full((200, 100, 3), (200, 40, 60), np.uint8)).save(portrait)
    state = ph.InitialState(image=portrait)
    async with client.realtime.connect(
        model="live_avatar", initial_state=state, timeout=20
    ) as session:
        frames = [await session.recv(timeout=20) for _ in range(10)]
        first = frames[-1]
        assert (first.width, first.height, first.input_id) == (1280, 720, None)
        assert np.abs(first.data[360, 640].astype(int) - (200, 40, 60)).max() < 12
        # Beside the image its background goes on, a little darker.
        side = first.data[360, 100].astype(int)
        assert 120 < side[0] < 200
        assert side[1:].max() < 70
        seconds = frames[-1].received_at - frames[0].received_at
        assert 0.25 < seconds < 1.5
        # What comes from the user goes first.
        answer = await session.transform(picture(shade=20), timeout=20)
        assert answer.width == 320
        assert answer.input_id is not None


async def test_without_an_image_an_avatar_is_a_grey_card(avatar):
    frame = await avatar.recv(timeout=20)
    assert (frame.width, frame.height) == (1280, 720)
    assert np.abs(frame.data.astype(int) - 119).max() < 6


# What is refused ----------------------------------------------------------------------------------


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


# The other face -----------------------------------------------------------------------------------


def test_the_blocking_face_plays_and_hears():
    with ph.sync.LocalServer() as server:
        client = ph.sync.Client(server.api_key, base_url=server.url)
        with client.realtime.connect(model="live_avatar", timeout=20) as session:
            session.remote_stream.recv_audio(timeout=20)
            began = time.monotonic()
            session.play_audio(tone(0.4), rate=RATE)
            assert 0.35 < time.monotonic() - began < 3
            session.send_audio(tone(0.1))
            frames = [session.remote_stream.recv_audio(timeout=20) for _ in range(20)]
            sound = np.concatenate([frame.data for frame in frames])
            assert pitch_and_level(sound[:, 0])[0] == pytest.approx(440, abs=10)
            assert next(iter(session.remote_stream.audio_frames())).samples == BLOCK
            with pytest.raises(ph.InvalidInputError):
                session.play_audio(b"nothing")
