"""The fixtures that a user's tests get, used as in a user's tests. They leave nothing behind."""

from __future__ import annotations

import asyncio
import sys
import threading
import types

import numpy as np
import pytest

import parhelion as ph
from parhelion.testing import EventLog, moving_frames, read_stamp, stamped_frame


async def test_a_session_in_one_line(realtime_client):
    rt = await realtime_client("mirage_v2", prompt="anime")
    assert read_stamp(await rt.transform(stamped_frame(7), timeout=20)) == 7
    assert realtime_client.server.session_ids == [rt.session_id]


async def test_a_session_ends_with_its_block(realtime_client, realtime_server):
    async with realtime_client() as rt:
        assert rt.is_connected()
    assert rt.get_connection_state() == "disconnected"
    with pytest.raises(ph.InvalidStateError):
        rt.send(stamped_frame(0))


async def test_one_of_two_blocks_ends_its_own_session(realtime_client):
    async with realtime_client() as one:
        other = await realtime_client()
    assert one.get_connection_state() == "disconnected"
    assert other.is_connected()


async def test_streams_and_options_go_through(realtime_client):
    frames = moving_frames(5, 320, 240)
    rt = await realtime_client("mirage_v2", frames, format="bgr24", flow="wait", fps=30)
    assert [read_stamp(frame) async for frame in rt.frames()] == list(range(5))


async def test_a_model_of_the_test_is_known_by_its_name(realtime_client, realtime_server):
    @realtime_server.model("negative", fps=15, width=320, height=240)
    def negative(frame, context):
        return 255 - frame

    rt = await realtime_client("negative", timeout=5)
    frame = await rt.transform(np.full((240, 320, 3), 200, np.uint8), timeout=20)
    assert abs(frame.data.mean() - 55) < 8


@pytest.mark.realtime_server(max_sessions=1, max_queue=0, api_key="a key of mine")
async def test_a_marker_configures_the_service(realtime_client, realtime_server):
    assert realtime_server.api_key == "a key of mine"
    await realtime_client()
    with pytest.raises(ph.AtCapacityError):
        await realtime_client(attempts=0)


def test_a_blocking_session(sync_realtime_client, realtime_server):
    rt = sync_realtime_client("mirage_v2", prompt="anime")
    assert read_stamp(rt.transform(stamped_frame(7), timeout=20)) == 7
    assert realtime_server.active_sessions == 1


def test_a_loop_of_the_test_s_own(realtime_client):
    """The loop is closed when the session is ended."""

    async def main() -> ph.RealTimeClient:
        return await realtime_client()

    session = asyncio.run(main())
    assert session.is_connected()


def test_a_call_without_a_loop_says_what_to_do(realtime_client):
    with pytest.raises(ph.InvalidStateError, match="event loop") as caught:
        realtime_client("mirage_v2")
    assert "sync_realtime_client" in caught.value.hint
    assert caught.value.operation == "realtime_client"


@pytest.mark.parametrize("prompt", ["noir", None])
async def test_faults_and_events_in_a_test(realtime_client, realtime_server, prompt):
    rt = await realtime_client(prompt=prompt)
    log = EventLog(rt)
    realtime_server.faults.close(1011)
    await log.until("generating")
    assert log.states[-3:] == ["reconnecting", "connected", "generating"]
    realtime_server.faults.crash_model()
    with pytest.raises(ph.ModelFailedError):
        await rt.transform(stamped_frame(0), timeout=20)
    await log.until(lambda seen: seen.errors)
    with pytest.raises(TimeoutError, match="ModelFailedError"):
        await log.until(lambda seen: len(seen.errors) > 5, timeout=0.01)


def test_events_of_a_blocking_session(sync_realtime_client, realtime_server):
    rt = sync_realtime_client()
    log = EventLog(rt)
    closing = threading.Thread(target=realtime_server.faults.close)
    closing.start()
    log.wait("generating")
    closing.join()
    assert "reconnecting" in log.states
    with pytest.raises(TimeoutError, match="reconnecting"):
        log.wait(lambda seen: seen.errors, timeout=0.01)
    with pytest.raises(ph.InvalidInputError, match="connection_change"):
        log.of("connection")


async def test_a_fault_that_is_left_on_keeps_nothing_from_ending(realtime_client, realtime_server):
    rt = await realtime_client()
    freeze = realtime_server.faults.freeze_model()
    realtime_server.faults.stall("handshake")
    realtime_server.faults.delay_acknowledgements(1000)
    rt.send(stamped_frame(0))
    await freeze.struck()


def test_another_kind_of_event_loop_is_named(realtime_client, monkeypatch):
    trio = types.SimpleNamespace(current_async_library=lambda: "trio")
    monkeypatch.setitem(sys.modules, "sniffio", trio)
    with pytest.raises(ph.InvalidStateError, match="runs in trio"):
        realtime_client("mirage_v2")
