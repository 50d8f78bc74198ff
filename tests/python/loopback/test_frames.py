"""Frames of every layout, size and memory order go out and come back as what they were."""

from __future__ import annotations

import asyncio
import contextlib

import numpy as np
import pytest

import parhelion as ph

CLOSE = 3.0  # mean absolute difference that the codec may cause in a smooth picture
FORMATS = ["rgb24", "bgr24", "rgba", "bgra", "gray", "i420"]


async def test_without_a_prompt_the_picture_comes_back(session, picture, difference):
    sent = picture()
    frame = await session.transform(sent)
    assert frame.shape == sent.shape
    assert difference(frame, sent) < CLOSE


async def test_the_frame_is_an_array_of_its_own(session, picture):
    frame = await session.transform(picture())
    assert frame.data.dtype == np.uint8
    assert frame.data.flags.c_contiguous
    assert frame.data.flags.writeable
    assert np.asarray(frame) is frame.data
    frame.data[...] = 7
    other = await session.transform(picture())
    assert not np.shares_memory(frame.data, other.data)
    assert (frame.data == 7).all()


LAYOUTS = {
    "upside down": lambda p: p[::-1],
    "mirrored": lambda p: p[:, ::-1],
    "channels reversed": lambda p: p[..., ::-1],
    "every second pixel": lambda p: p.repeat(2, 0).repeat(2, 1)[::2, ::2],
    "a cut out of a larger one": lambda p: np.pad(p, ((7, 9), (5, 3), (0, 0)))[7:-9, 5:-3],
    "Fortran order": np.asfortranarray,
    "turned": lambda p: np.ascontiguousarray(p.transpose(1, 0, 2)).transpose(1, 0, 2),
    "planes": lambda p: np.ascontiguousarray(p.transpose(2, 0, 1)).transpose(1, 2, 0),
    "three of four channels": lambda p: np.dstack([p, p[..., 0]])[..., :3],
    "a memoryview": memoryview,
    "no alignment": lambda p: np.frombuffer(b"\0" + p.tobytes(), np.uint8)[1:].reshape(p.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_any_memory_layout_is_read_where_it_lies(session, picture, difference, layout):
    view = LAYOUTS[layout](picture())
    before = np.array(view)
    frame = await session.transform(view)
    assert difference(frame, before) < CLOSE
    assert (np.asarray(view) == before).all()


async def test_a_read_only_picture_is_sent_and_stays_so(session, picture, difference):
    sent = picture()
    sent.flags.writeable = False
    assert difference(await session.transform(sent), sent) < CLOSE
    assert not sent.flags.writeable


async def test_one_pixel_spread_over_a_picture(session):
    colour = np.array([200, 60, 90], np.uint8)
    frame = await session.transform(np.broadcast_to(colour, (48, 64, 3)))
    assert np.abs(frame.data.astype(int) - colour).max() < 8


async def test_the_array_may_change_as_soon_as_send_returns(session, picture, difference):
    sent = picture()
    expected = sent.copy()
    session.send(sent)
    sent[...] = 255
    assert difference(await session.recv(timeout=20), expected) < CLOSE


@pytest.mark.parametrize("outgoing", FORMATS)
@pytest.mark.parametrize("incoming", FORMATS)
async def test_every_format_both_ways(client, picture, difference, outgoing, incoming):
    source = ph.Frame(picture(64, 48))
    async with client.realtime.connect(model="mirage_v2", format=incoming) as session:
        frame = await session.transform(source.to(outgoing), format=outgoing)
    assert (frame.format, frame.width, frame.height) == (incoming, 64, 48)
    expected = ph.Frame(source.to(outgoing), format=outgoing).to("rgb24")
    if "gray" in (outgoing, incoming):
        assert difference(frame.to("gray"), ph.Frame(expected).to("gray")) < CLOSE
    else:
        assert difference(frame.to("rgb24"), expected) < CLOSE
    if incoming in ("rgba", "bgra"):
        assert (frame.data[..., 3] == 255).all()


async def test_the_format_of_the_session_is_that_of_its_frames(client, picture, difference):
    async with client.realtime.connect(model="mirage_v2", format="bgr24") as session:
        red = np.zeros((48, 64, 3), np.uint8)
        red[..., 2] = 255
        frame = await session.transform(red)
    assert frame.data[24, 32, 2] > 200
    assert frame.data[24, 32, 0] < 50


@pytest.mark.parametrize(
    ("width", "height"), [(641, 479), (1, 1), (1, 2), (2, 1), (3, 100), (16, 16), (17, 33)]
)
async def test_odd_and_small_sizes_come_back_as_they_were(
    session, picture, difference, width, height
):
    sent = picture(width, height)
    frame = await session.transform(sent)
    assert frame.shape == (height, width, 3)
    if min(width, height) > 2:  # of fewer the codec keeps one colour
        assert difference(frame, sent) < (CLOSE if width > 16 else 12)


async def test_the_size_may_change_in_mid_stream(session, picture, difference):
    for width, height in [(320, 240), (160, 120), (322, 242), (161, 121), (320, 240), (240, 320)]:
        sent = picture(width, height)
        for _ in range(3):
            frame = await session.transform(sent)
            assert frame.shape == sent.shape
            assert difference(frame, sent) < CLOSE


async def test_each_frame_names_its_input(session, picture):
    sent = []
    for number in range(20):
        input_id = session.send(picture(), timestamp=number / 10)
        frame = await session.recv(timeout=20)
        sent.append(input_id)
        assert frame.input_id == input_id
        assert frame.timestamp == number / 10
        assert 0 < frame.latency < 20
        assert frame.capture_time > 1_600_000_000
    assert sent == list(range(20))


async def test_a_frame_without_a_time_stamp_has_none(session, picture):
    assert (await session.transform(picture())).timestamp is None


async def arrive(session: ph.RealTimeClient, frame: np.ndarray) -> int:
    """Sends a frame until one more has come back, which nobody reads; returns the last id."""
    before = session.stats().frames_received

    async def received() -> None:
        while session.stats().frames_received == before:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)

    while True:
        input_id = session.send(frame)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(received(), 0.5)
            return input_id


async def test_after_a_burst_the_next_frame_comes_and_none_comes_twice(session, picture):
    ids = []
    session.on("frame", lambda frame: ids.append(frame.input_id))
    for _ in range(5):
        last = [session.send(picture(64, 48)) for _ in range(100)][-1]
        frame = await session.transform(picture(64, 48))
        assert frame.input_id > last
    assert ids == sorted(set(ids))


async def test_a_late_reader_gets_the_newest_frame(session, picture):
    for _ in range(30):
        newest = await arrive(session, picture(64, 48))
    assert (await session.recv(timeout=20)).input_id == newest
    drops = {(drop.place, drop.reason): drop.frames for drop in session.stats().drops}
    assert drops[("output", "displaced")] == session.stats().frames_received - 1


async def test_a_handler_of_frames_sees_each_that_arrives(session, picture):
    seen = []
    session.on("frame", lambda frame: seen.append(frame.input_id))
    frames = [await session.transform(picture()) for _ in range(5)]
    assert seen == [frame.input_id for frame in frames]


async def test_every_frame_is_accounted_for(session, picture):
    for _ in range(60):
        session.send(picture())
        await asyncio.sleep(0)
    await session.transform(picture())
    stats = session.stats()
    lost = sum(drop.frames for drop in stats.drops if drop.place != "output")
    assert stats.frames_sent >= 61
    # What the service left out is in no counter of ours.
    assert stats.frames_received <= stats.frames_sent - lost
    capture = sum(drop.frames for drop in stats.drops if drop.place == "capture")
    assert stats.frames_sent == stats.frames_encoded + capture
    assert stats.frames_decoded == stats.frames_received
    assert stats.round_trip_ms.samples == stats.frames_received
    assert stats.key_frames_sent >= 1
    assert stats.sent_size == (320, 240)
    assert stats.received_size == (320, 240)
