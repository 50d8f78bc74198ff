"""Sound through a real service and back: what it is, when it is, and whose it is."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest

import parhelion as ph
from tones import tone, wav

RATE = 48_000
BLOCK = 960
# A codec keeps the level of a tone this well.
TOLERANCE = 0.1


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
