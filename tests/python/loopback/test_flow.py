"""Flow control: the newest wins, or nothing is dropped, or nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import numpy as np
import pytest

import parhelion as ph

BITS = 8
SIDE = 16
SLOW = ph.ModelDefinition(name="slow", fps=100, width=BITS * SIDE, height=2 * SIDE)


def numbered(number: int) -> np.ndarray:
    """A picture that shows a number as black and white fields, which a codec keeps."""
    bits = [(number >> bit & 1) * 160 + 40 for bit in range(BITS)]
    row = np.repeat(np.array(bits, np.uint8), SIDE)
    return np.broadcast_to(row[None, :, None], (2 * SIDE, BITS * SIDE, 3)).copy()


def number_of(frame: ph.Frame) -> int:
    fields = frame.data.mean(axis=(0, 2)).reshape(BITS, SIDE).mean(axis=1)
    return sum(int(value > 120) << bit for bit, value in enumerate(fields))


async def until(session: ph.RealTimeClient, condition: Callable[[ph.Stats], bool]) -> None:
    while not condition(session.stats()):  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0)


async def pump(session: ph.RealTimeClient, count: int) -> list[int]:
    ids = []
    for number in range(count):
        await session.drain()
        ids.append(session.send(numbered(number)))
    return ids


@pytest.fixture
def slow(server: ph.LocalServer) -> ph.Client:
    """A service with a model that is slower than the frames could come, at times much slower."""

    @server.model("slow")
    def slow_model(frame: np.ndarray, context: ph.ModelContext) -> np.ndarray:
        time.sleep(0.05 if context.index % 40 == 7 else 0.004)
        return frame

    return ph.Client(server.api_key, base_url=server.url)


async def test_wait_loses_nothing_where_packets_are_lost(server, client):
    server.faults.packets(loss=0.08, delay=0.005, seed=3)
    async with client.realtime.connect(model="mirage_v2", flow="wait", timeout=20) as session:
        sending = asyncio.create_task(pump(session, 100))
        frames = [await session.recv(timeout=20) for _ in range(100)]
        assert [frame.input_id for frame in frames] == await sending
        assert session.stats().nacks_sent > 0


async def test_wait_loses_nothing_through_a_slow_model(slow):
    async with slow.realtime.connect(model=SLOW, flow="wait", timeout=20) as session:
        sending = asyncio.create_task(pump(session, 200))
        frames = [await session.recv(timeout=20) for _ in range(200)]
        ids = await sending
        assert ids == list(range(200))
        assert [frame.input_id for frame in frames] == ids
        assert [number_of(frame) for frame in frames] == ids
        assert session.stats().drops == []


async def test_wait_loses_nothing_to_a_rate_control_at_its_limit():
    seed = 20
    noise = np.random.default_rng(seed).integers(0, 256, (8, 240, 320, 3), np.uint8)
    calm = np.full_like(noise[0], 90)
    count = 200
    async with ph.LocalServer(max_bitrate=150_000) as server:
        client = ph.Client(server.api_key, base_url=server.url)
        async with client.realtime.connect(model="mirage_v2", flow="wait", timeout=20) as session:

            async def send() -> None:
                for number in range(count):
                    await session.drain()
                    session.send(noise[number % 8] if number // 10 % 2 else calm)

            sending = asyncio.create_task(send())
            frames = [await session.recv(timeout=20) for _ in range(count)]
            await sending
            ids = [frame.input_id for frame in frames]
            assert ids == list(range(count)), f"seed {seed}"


async def test_wait_loses_nothing_to_a_slow_reader(slow):
    async with slow.realtime.connect(model=SLOW, flow="wait", timeout=20) as session:
        sending = asyncio.create_task(pump(session, 30))
        seen = []
        for number in range(30):
            # Nobody reads before all that can come back has come back.
            expected = min(number + 2, 30)
            await until(session, lambda stats, n=expected: stats.frames_received >= n)
            seen.append(number_of(await session.recv(timeout=20)))
        await sending
        assert seen == list(range(30))
        assert session.stats().drops == []


async def test_a_full_window_refuses_and_reading_makes_room(client, picture):
    async with client.realtime.connect(model="mirage_v2", flow="wait", timeout=20) as session:
        await session.drain()
        session.send(picture())
        session.send(picture())
        with pytest.raises(ph.QueueFullError, match="2 frames are under way") as caught:
            session.send(picture())
        assert (caught.value.code, caught.value.retryable) == ("QUEUE_FULL", True)
        assert caught.value.operation == "send"
        assert "drain" in caught.value.hint
        # They come back, and count until they are read.
        await until(session, lambda stats: stats.frames_received >= 1)
        draining = asyncio.create_task(session.drain())
        await asyncio.sleep(0)
        assert not draining.done()
        assert (await session.recv(timeout=20)).input_id == 0
        await asyncio.wait_for(draining, 20)
        assert session.send(picture()) == 2
        assert [(await session.recv(timeout=20)).input_id for _ in range(2)] == [1, 2]


async def test_without_a_reader_that_waits_coming_back_makes_room(client, picture):
    flow = ph.Flow(send="wait", send_limit=1)
    async with client.realtime.connect(model="mirage_v2", flow=flow, timeout=20) as session:
        for expected in range(20):
            await asyncio.wait_for(session.drain(), 20)
            assert session.send(picture()) == expected
        while (await session.recv(timeout=20)).input_id < 19:
            pass
        assert session.stats().frames_encoded == 20


async def test_a_thread_can_wait_for_room_too(client, picture):
    async with client.realtime.connect(model="mirage_v2", flow="wait", timeout=20) as session:
        session.send(picture())
        session.send(picture())
        core = session._core
        assert not await asyncio.to_thread(core.wait_for_room, 0)
        waiting = asyncio.create_task(asyncio.to_thread(core.wait_for_room, 20))
        await session.recv(timeout=20)
        assert await waiting
        waiting = asyncio.create_task(asyncio.to_thread(core.wait_for_room))
        session.send(picture())
        await session.disconnect()
        await asyncio.wait_for(waiting, 20)
        assert not core.wait_for_room()


async def test_a_pending_drain_ends_with_the_session(server, client, picture):
    initial = ph.InitialState(prompt="noir")  # without one the model is passed by
    async with client.realtime.connect(
        model="mirage_v2", flow="wait", initial_state=initial, timeout=20
    ) as session:
        server.faults.freeze_model()  # nothing comes back, so there is no room
        session.send(picture())
        session.send(picture())
        draining = asyncio.create_task(session.drain())
        await asyncio.sleep(0)
        assert server.end_session(session.session_id, "insufficient_credits")
        with pytest.raises(ph.DisconnectedError, match="drain"):
            await asyncio.wait_for(draining, 20)
        with pytest.raises(ph.DisconnectedError):
            await session.drain()
        with pytest.raises(ph.InvalidStateError):
            session.send(picture())


async def test_a_session_that_is_closing_has_no_room(server, client, picture):
    initial = ph.InitialState(prompt="noir")
    async with client.realtime.connect(
        model="mirage_v2", flow="wait", initial_state=initial, timeout=20
    ) as session:
        server.faults.freeze_model()
        session.send(picture())
        session.send(picture())
        assert server.end_session(session.session_id, "insufficient_credits")
        # The connection is closed before the state says so; what is sent then goes nowhere. On this
        # thread, so that no time between the two is missed.
        while session._core.state != "disconnected":
            assert session._core.room() is not None


async def test_latest_and_all_have_room_at_once(client, picture):
    for flow in ("latest", "all"):
        async with client.realtime.connect(model="mirage_v2", flow=flow, timeout=20) as session:
            await session.drain()
            session.send(picture())
            await session.drain()


async def test_frames_that_a_model_fails_on_do_not_stall(server):
    @server.model("picky", width=64, height=48)
    def picky(frame: np.ndarray, context: ph.ModelContext) -> np.ndarray:
        if context.index % 5 == 0:
            raise ValueError("not this one")
        return frame

    client = ph.Client(server.api_key, base_url=server.url)
    picky_model = ph.ModelDefinition(name="picky", fps=30, width=BITS * SIDE, height=2 * SIDE)
    async with client.realtime.connect(model=picky_model, flow="wait", timeout=20) as session:
        sending = asyncio.create_task(pump(session, 11))
        frames = [await session.recv(timeout=20) for _ in range(8)]
        assert await asyncio.wait_for(sending, 20) == list(range(11))
        assert [number_of(frame) for frame in frames] == [1, 2, 3, 4, 6, 7, 8, 9]


async def test_all_drops_nothing_on_this_side(client, picture):
    flow = ph.Flow(send="all", send_limit=4)
    sent = picture(1280, 720)
    async with client.realtime.connect(model="mirage_v2", flow=flow, timeout=20) as session:
        refused = 0
        for expected in range(40):
            while True:
                try:
                    assert session.send(sent) == expected
                    break
                except ph.QueueFullError:
                    refused += 1
                    await session.drain()
        # Conversion is faster than encoding.
        assert refused
        await until(session, lambda stats: stats.frames_encoded == 40)
        drops = {drop.place for drop in session.stats().drops}
        assert "capture" not in drops


@pytest.mark.parametrize("send", ["all", "wait"])
async def test_while_a_connection_is_lost_there_is_no_room(record, picture, send):
    first = ph.LocalServer(api_key="a key for both")
    await first.start()
    port = int(first.url.rsplit(":", 1)[1])
    client = ph.Client("a key for both", base_url=first.url)
    flow = ph.Flow(send=send)
    async with client.realtime.connect(model="mirage_v2", flow=flow, timeout=20) as session:
        events = record(session)
        await session.transform(picture())
        session.send(picture())
        await first.close()
        await events.until(lambda seen: "reconnecting" in seen.states)
        with pytest.raises(ph.QueueFullError, match="no connection at present"):
            session.send(picture())
        draining = asyncio.create_task(session.drain())
        await asyncio.sleep(0)
        assert not draining.done()
        async with ph.LocalServer(port=port, api_key="a key for both"):
            await asyncio.wait_for(draining, 20)
            # What was under way counts no more.
            for _ in range(4):
                await session.transform(picture())
            await session.disconnect()


async def test_transform_works_with_every_flow(client, picture, difference):
    for flow in ("latest", "all", "wait", ph.Flow(send="wait", send_limit=1)):
        async with client.realtime.connect(model="mirage_v2", flow=flow, timeout=20) as session:
            sent = [picture(shade=shade) for shade in (0, 30, 60)]
            results = await asyncio.gather(*(session.transform(one) for one in sent))
            for result, one in zip(results, sent, strict=True):
                assert difference(result, one) < 4


async def receive(session: ph.RealTimeClient, count: int) -> None:
    """Sends frames until so many have come back, which nobody reads."""
    for number in range(count):
        while session.stats().frames_received <= number:
            session.send(numbered(number))
            for _ in range(50):
                await asyncio.sleep(0)


async def test_a_reader_that_wants_all_gets_the_newest_of_too_many(client):
    flow = ph.Flow(receive="all", receive_limit=4)
    async with client.realtime.connect(model="mirage_v2", flow=flow, timeout=20) as session:
        await receive(session, 12)
        stats = session.stats()
        frames = [await session.recv(timeout=20) for _ in range(4)]
        ids = [frame.input_id for frame in frames]
        assert ids == sorted(ids)
        drops = {(drop.place, drop.reason): drop.frames for drop in stats.drops}
        assert drops[("output", "displaced")] == stats.frames_received - 4


async def test_a_reader_that_waits_gets_the_oldest_first(client):
    flow = ph.Flow(receive="wait", receive_limit=3)
    async with client.realtime.connect(model="mirage_v2", flow=flow, timeout=20) as session:
        await receive(session, 3)
        frames = [await session.recv(timeout=20) for _ in range(3)]
        ids = [frame.input_id for frame in frames]
        assert ids == sorted(set(ids))
        assert number_of(frames[0]) == 0
        assert not [drop for drop in session.stats().drops if drop.place == "output"]
