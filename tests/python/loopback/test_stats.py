"""What a session says about itself, against what really happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

import parhelion as ph

BUSY = ph.ModelDefinition("busy", 50, 64, 48)


async def stats_of(session: ph.RealTimeClient, count: int) -> list[ph.Stats]:
    """The next so many ``stats`` events."""
    seen: asyncio.Queue[ph.Stats] = asyncio.Queue()
    session.on("stats", seen.put_nowait)
    try:
        return [await asyncio.wait_for(seen.get(), 20) for _ in range(count)]
    finally:
        session.off("stats", seen.put_nowait)


async def until(session: ph.RealTimeClient, condition: Callable[[ph.Stats], object]) -> ph.Stats:
    """Statistics that make the condition true."""
    while not condition(stats := session.stats()):  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0.01)
    return stats


@contextlib.asynccontextmanager
async def traffic(session: ph.RealTimeClient, frame: np.ndarray) -> AsyncIterator[None]:
    """Sends a frame fifty times a second, and reads what comes back."""

    async def send() -> None:
        while True:
            session.send(frame)
            await asyncio.sleep(0.02)

    async def read() -> None:
        async for _ in session.frames():
            pass

    tasks = [asyncio.create_task(send()), asyncio.create_task(read())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_an_event_each_interval_with_rates_of_that_interval(client, picture):
    connecting = client.realtime.connect(model="mirage_v2", stats_interval=0.3, timeout=20)
    async with connecting as session, traffic(session, picture()):
        _, *seen = await stats_of(session, 4)
    for stats in seen:
        assert 0.2 < stats.interval < 5
    before, after = seen[0], seen[-1]
    seconds = after.timestamp - before.timestamp
    # The rates of the intervals are those of the counters.
    for rate, count in [
        ("sent_fps", "frames_sent"),
        ("encoded_fps", "frames_encoded"),
        ("decoded_fps", "frames_decoded"),
        ("received_fps", "frames_received"),
    ]:
        counted = (getattr(after, count) - getattr(before, count)) / seconds
        rates = [getattr(stats, rate) for stats in seen[1:]]
        assert min(rates) > 0
        assert 0.5 * counted < sum(rates) / len(rates) < 2 * counted, rate
    bits = (after.bytes_sent - before.bytes_sent) * 8 / seconds
    assert 0.4 * bits < (seen[1].bitrate_sent + seen[2].bitrate_sent) / 2 < 2.5 * bits
    assert after.shown_fps > 0
    assert 0 < after.encode_ms < 1000
    assert 0 < after.decode_ms < 1000
    assert 0 < after.round_trip_ms.p50 <= after.round_trip_ms.p95 <= after.round_trip_ms.p99
    assert 0 <= after.jitter_ms < 1000
    assert 0 < after.network_rtt_ms < 1000


async def test_asking_in_between_changes_no_rate(client, picture):
    connecting = client.realtime.connect(model="mirage_v2", stats_interval=0.4, timeout=20)
    async with connecting as session, traffic(session, picture()):
        (first,) = await stats_of(session, 1)
        for _ in range(50):
            asked = session.stats()
            assert asked.interval == first.interval
            assert asked.sent_fps == first.sent_fps
            assert asked.bitrate_sent == first.bitrate_sent
        (second,) = await stats_of(session, 1)
        assert second.interval > 0.2
        assert second.sent_fps > 0


async def test_without_an_interval_there_is_no_event_and_rates_are_over_a_second(client, picture):
    connecting = client.realtime.connect(model="mirage_v2", stats_interval=None, timeout=20)
    async with connecting as session, traffic(session, picture()):
        seen = []
        session.on("stats", seen.append)
        assert session.stats().interval == 0
        stats = await until(session, lambda stats: stats.interval > 0)
        assert 0.5 < stats.interval < 10
        assert stats.sent_fps > 0
        assert seen == []


async def test_events_go_on_after_a_reconnect(record, picture):
    first = ph.LocalServer(api_key="a key for both")
    await first.start()
    port = int(first.url.rsplit(":", 1)[1])
    client = ph.Client("a key for both", base_url=first.url)
    connecting = client.realtime.connect(model="mirage_v2", stats_interval=0.1, timeout=20)
    async with connecting as session:
        events = record(session)
        await session.transform(picture())
        before = (await stats_of(session, 2))[-1]
        await first.close()
        await events.until(lambda seen: "reconnecting" in seen.states)
        async with ph.LocalServer(port=port, api_key="a key for both"):
            await session.transform(picture(), timeout=20)
            after = (await stats_of(session, 2))[-1]
            # Of frames everything counts, of packets what the new connection carries.
            assert after.frames_received > before.frames_received
            assert after.packets_sent > 0
            assert after.bitrate_sent >= 0
            await session.disconnect()
        seen = len(events.of("stats"))
    assert len(events.of("stats")) == seen


async def test_the_service_tells_of_its_own_work(server, picture):
    @server.model("busy")
    def busy(frame: np.ndarray, context: ph.ModelContext) -> np.ndarray:
        time.sleep(0.05)
        return frame

    client = ph.Client(server.api_key, base_url=server.url)
    async with client.realtime.connect(model=BUSY, timeout=20) as session:
        assert session.stats().service is None
        async with traffic(session, picture(64, 48)):
            stats = await until(session, lambda stats: stats.service and stats.service.drops)
        service = stats.service
        assert service is not None
        assert service.model_ms_p50 >= 50
        assert service.model_ms_p50 <= service.model_ms_p95
        assert 0 < service.frames_processed <= service.frames_decoded
        assert 0 < service.frames_encoded <= service.frames_processed
        assert service.target_bitrate == 3_000_000
        assert service.decode_ms > 0
        assert service.encode_ms > 0
        assert set(service.queues) == {"decoder", "model", "encoder"}
        # The model's place is where a slow model loses frames, and nowhere else.
        assert {(drop.place, drop.reason) for drop in service.drops} == {("model", "displaced")}
        json.dumps(session.stats().to_dict(), allow_nan=False)


async def test_every_frame_is_accounted_for_on_both_sides(server, picture):
    @server.model("busy")
    def busy(frame: np.ndarray, context: ph.ModelContext) -> np.ndarray:
        time.sleep(0.03)
        return frame

    client = ph.Client(server.api_key, base_url=server.url)
    async with client.realtime.connect(model=BUSY, timeout=20) as session:
        async with traffic(session, picture(64, 48)):
            await stats_of(session, 2)
        # Nothing is under way any more when the service has told so twice.
        ticks: asyncio.Queue[float] = asyncio.Queue()
        session.on("generation_tick", ticks.put_nowait)
        for _ in range(2):
            await asyncio.wait_for(ticks.get(), 20)
        stats = session.stats()
        assert stats.service is not None
        here = sum(drop.frames for drop in stats.drops if drop.place == "capture")
        there = sum(drop.frames for drop in stats.service.drops)
        assert stats.frames_sent == stats.frames_encoded + here
        assert stats.frames_encoded == stats.service.frames_decoded
        assert stats.service.frames_decoded == stats.service.frames_encoded + there
        assert stats.service.frames_encoded == stats.frames_received
        assert stats.frames_under_way <= 1


@pytest.mark.parametrize("agent", ["parhelion/9 lang/py", "another/1"])
async def test_only_clients_of_this_package_are_told(relay, picture, record, agent):
    ticks = []

    def change(message: dict[str, object]) -> list[dict[str, object]]:
        if message["type"] == "generation_tick":
            ticks.append(message)
        return [message]

    async with relay(change) as (url, key):
        client = ph.Client(key, base_url=url)
        client._user_agent = agent
        async with client.realtime.connect(model="mirage_v2", timeout=20) as session:
            events = record(session)
            await session.transform(picture())
            await events.until(lambda seen: seen.of("generation_tick"))
            told = session.stats().service is not None
    assert told == agent.startswith("parhelion")
    assert set(ticks[0]) == {"type", "seconds"} | ({"service_stats"} if told else set())
    assert type(ticks[0]["seconds"]) is int


@pytest.fixture
def change_ticks(relay) -> Callable[..., object]:
    """A real service whose ticks say something else."""

    def changed(extra: dict[str, object]) -> object:
        def change(message: dict[str, object]) -> list[dict[str, object]]:
            if message["type"] == "generation_tick":
                message.pop("service_stats", None)
                message |= extra
            return [message]

        return relay(change)

    return changed


@pytest.mark.parametrize(
    "extra",
    [
        {"service_stats": "fine"},
        {"service_stats": {"frames_decoded": -1}},
        {"service_stats": {"drops": [["x" * 1000, "y", 1]]}},
        {"service_stats": [1, 2, 3]},
        {"service_stats": {"model_ms_p50": -1.5}},
        {},
    ],
)
async def test_a_service_that_tells_nonsense_is_no_error(change_ticks, picture, record, extra):
    async with change_ticks(extra) as (url, key):
        client = ph.Client(key, base_url=url)
        async with client.realtime.connect(model="mirage_v2", timeout=20) as session:
            events = record(session)
            await session.transform(picture())
            await events.until(lambda seen: seen.of("generation_tick"))
            assert session.stats().service is None
            await session.transform(picture())


async def test_what_a_service_tells_is_bounded(change_ticks, picture, record):
    drops = [["model", "displaced", 1]] * 1000
    async with change_ticks({"service_stats": {"drops": drops, "new": 1}}) as (url, key):
        client = ph.Client(key, base_url=url)
        async with client.realtime.connect(model="mirage_v2", timeout=20) as session:
            events = record(session)
            await session.transform(picture())
            await events.until(lambda seen: seen.of("generation_tick"))
            service = session.stats().service
            assert service is not None
            assert len(service.drops) == 32
            assert service.frames_decoded == 0


async def test_a_model_that_is_too_slow_is_what_limits(server, picture, record):
    @server.model("busy")
    def busy(frame: np.ndarray, context: ph.ModelContext) -> np.ndarray:
        time.sleep(0.15)
        return frame

    client = ph.Client(server.api_key, base_url=server.url)
    async with client.realtime.connect(model=BUSY, timeout=20) as session:
        events = record(session)
        assert session.stats().quality == ph.Quality("good", "none", warming_up=False)

        def verdicts() -> list[dict[str, object]]:
            return [
                data
                for name, *rest in events.events
                if name == "diagnostic"
                for kind, data in [rest]
                if kind == "quality"
            ]

        async with traffic(session, picture(64, 48)):
            await events.until(lambda _: verdicts())
            quality = session.stats().quality
        assert verdicts()[0]["previous_level"] == "good"
        assert verdicts()[0]["level"] == quality.level
        assert quality.level in ("poor", "critical")
        assert quality.limiting_factor in ("cpu", "stall")
        assert quality.warming_up


async def test_a_stall_is_a_freeze(server, picture):
    stall = asyncio.Event()

    @server.model("busy")
    def busy(frame: np.ndarray, context: ph.ModelContext) -> np.ndarray:
        if stall.is_set():
            stall.clear()
            time.sleep(0.6)
        return frame

    client = ph.Client(server.api_key, base_url=server.url)
    async with client.realtime.connect(model=BUSY, timeout=20) as session:
        async with traffic(session, picture(64, 48)):
            before = await until(session, lambda stats: stats.frames_received >= 20)
            stall.set()
            after = await until(session, lambda stats: stats.freeze_count > before.freeze_count)
        assert after.total_freezes_duration - before.total_freezes_duration > 0.5


async def test_queues_are_named(client, picture):
    async with client.realtime.connect(model="mirage_v2", timeout=20) as session:
        await session.transform(picture())
        session.send(picture())
        stats = await until(session, lambda stats: stats.queues["output"] == 1)
        assert set(stats.queues) == {"capture", "decoder", "output"}
        await session.recv(timeout=20)
        assert session.stats().queues["output"] == 0


async def test_losses_are_shares_in_both_directions(server, client, picture):
    connecting = client.realtime.connect(model="mirage_v2", stats_interval=0.5, timeout=20)
    async with connecting as session, traffic(session, picture()):
        with server.faults.packets(loss=0.3, seed=7):
            # What was repaired is not lost, so less than three in ten are.
            sent = await until(session, lambda stats: stats.remote_packets_lost > 0)
            received = await until(session, lambda stats: stats.packets_lost > 0)
            seen = await stats_of(session, 6)
    assert sent.remote_packets_lost < 0.6 * sent.packets_sent
    assert received.packets_lost < 0.6 * received.packets_received
    for way in ("fraction_lost_sent", "fraction_lost_received"):
        shares = [share for stats in seen if (share := getattr(stats, way)) is not None]
        assert shares, seen
        assert 0.0 <= np.mean(shares) <= 0.5, shares
