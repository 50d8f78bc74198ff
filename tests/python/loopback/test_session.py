"""The life of a session: states, events, its end."""

from __future__ import annotations

import asyncio
import threading

import pytest

import parhelion as ph


async def test_the_states_follow_one_another(client, record, picture):
    session = await client.realtime.connect(model="mirage_v2")
    events = record(session)
    assert session.is_connected()
    await events.until(lambda seen: "generating" in seen.states)
    assert session.get_connection_state() == "generating"
    await session.transform(picture())
    await session.disconnect()
    await events.until(lambda seen: "disconnected" in seen.states)
    assert events.states == ["connecting", "connected", "generating", "disconnected"]
    assert not session.is_connected()
    assert events.of("error") == []


async def test_what_happened_before_connect_returned_is_not_missed(client):
    session = await client.realtime.connect(model="mirage_v2")
    seen, once = [], []
    session.on("connectionChange", seen.append)
    session.once("connection_change", once.append)
    phases = []
    session.on("diagnostic", lambda name, data: phases.append((name, data["phase"])))
    assert seen == []
    await session.disconnect()
    assert seen[:2] == ["connecting", "connected"]
    assert seen[-1] == "disconnected"
    assert once == ["connecting"]
    assert phases == [
        ("phase_timing", phase)
        for phase in ("websocket", "initial-prompt", "webrtc-handshake", "total")
    ]


async def test_connect_may_be_awaited_or_entered(client):
    session = await client.realtime.connect(model="mirage_v2")
    async with session as same:
        assert same is session
    assert session.get_connection_state() == "disconnected"
    async with client.realtime.connect(model="mirage_v2") as other:
        assert other.is_connected()
    assert other.get_connection_state() == "disconnected"


async def test_the_service_knows_the_session_by_its_id(server, client):
    async with client.realtime.connect(model="mirage_v2") as session:
        assert session.session_id
        assert session.session_id in repr(session)
        assert server.active_sessions == 1
        assert not server.end_session("another", "timeout")
        assert server.end_session(session.session_id, "insufficient_credits")


async def test_disconnect_any_number_of_times_and_at_once(session, record):
    events = record(session)
    await asyncio.gather(*(session.disconnect() for _ in range(5)))
    await session.disconnect()
    assert events.states.count("disconnected") == 1


async def test_disconnect_from_another_thread(client, record):
    session = await client.realtime.connect(model="mirage_v2")
    events = record(session)
    await asyncio.to_thread(lambda: asyncio.run(session.disconnect()))
    await events.until(lambda seen: "disconnected" in seen.states)


async def test_disconnect_ends_every_thread_although_the_session_is_kept(
    client, left_behind, picture
):
    threads, sockets = left_behind()
    session = await client.realtime.connect(model="mirage_v2")
    await session.transform(picture())
    await session.disconnect()

    async def gone() -> None:
        while len(left_behind()[0]) > len(threads) or left_behind()[1] - sockets:
            await asyncio.to_thread(lambda: None)

    await asyncio.wait_for(gone(), 5)
    assert session.get_connection_state() == "disconnected"


def test_disconnect_after_the_loop_is_closed():
    async def open_one():
        client = ph.Client(server.api_key, base_url=server.url)
        return await client.realtime.connect(model="mirage_v2")

    with ph.LocalServer() as server:
        session = asyncio.run(open_one())
        assert session.is_connected()
        asyncio.run(session.disconnect())
        assert session.get_connection_state() == "disconnected"
        asyncio.run(session.disconnect())


async def test_a_session_that_nobody_holds_ends(server, client):
    session = await client.realtime.connect(model="mirage_v2")
    assert server.active_sessions == 1
    del session

    async def gone() -> None:
        while server.active_sessions:
            await asyncio.to_thread(lambda: None)

    await asyncio.wait_for(gone(), 10)


async def test_a_cancelled_connect_leaves_nothing(fake_service):
    reached = asyncio.Event()

    async def behave(peer):
        reached.set()
        await peer.wait_closed()

    async with fake_service(behave) as service:
        client = ph.Client("key", base_url=service.url)

        async def open_one():
            await client.realtime.connect(model="mirage_v2")

        task = asyncio.ensure_future(open_one())
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_loop_over_frames_ends_with_the_session(session, picture):
    received = []
    session.send(picture())
    async for frame in session.frames():
        received.append(frame.input_id)
        if len(received) < 3:
            session.send(picture())
        else:
            await session.disconnect()
    assert received == [0, 1, 2]


async def test_who_waits_is_told_when_the_session_ends(session, picture):
    waiting = [asyncio.ensure_future(session.recv()) for _ in range(3)]
    await asyncio.sleep(0)
    await session.disconnect()
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(result, ph.DisconnectedError)
        assert isinstance(result, ConnectionError)
        assert "connect()" in str(result)


async def test_after_the_end_every_call_says_so(session, picture):
    await session.disconnect()
    with pytest.raises(ph.InvalidStateError, match="disconnected"):
        session.send(picture())
    with pytest.raises(ph.DisconnectedError, match="over"):
        await session.recv()
    with pytest.raises(ph.InvalidStateError):
        await session.transform(picture())
    with pytest.raises(ph.InvalidStateError, match=r"over|disconnected"):
        await session.set_prompt("noir")
    assert [frame async for frame in session.frames()] == []
    assert session.stats().frames_sent == 0
    assert "disconnected" in repr(session)


async def test_recv_may_time_out_and_be_cancelled(session, picture):
    with pytest.raises(ph.ConnectTimeoutError) as caught:
        await session.recv(timeout=0.01)
    assert isinstance(caught.value, TimeoutError)
    waiting = asyncio.ensure_future(session.recv())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    # Neither took the frame of the next reader.
    sent = session.send(picture())
    assert (await session.recv(timeout=20)).input_id == sent


async def test_several_readers_get_one_frame_each(session, picture):
    waiting = [asyncio.ensure_future(session.recv(timeout=20)) for _ in range(3)]
    ids = []
    for number in range(3):
        ids.append((await session.transform(picture())).input_id)
        assert sum(task.done() for task in waiting) <= number + 1
    received = [frame.input_id for frame in await asyncio.gather(*waiting)]
    assert received == ids


async def test_transforms_at_once_each_get_their_own(session, picture):
    """All but the newest may be displaced; then they are sent again."""
    frames = await asyncio.gather(*(session.transform(picture(64, 48)) for _ in range(5)))
    assert len({frame.input_id for frame in frames}) == 5


async def test_another_event_loop_is_refused(session, picture):
    def elsewhere(call):
        with pytest.raises(ph.InvalidStateError, match="event loop"):
            asyncio.run(call())

    await asyncio.to_thread(elsewhere, session.recv)
    await asyncio.to_thread(elsewhere, lambda: session.transform(picture()))


async def test_send_works_from_any_thread(session, picture):
    sent = []
    threads = [
        threading.Thread(
            target=lambda: sent.extend(session.send(picture(64, 48)) for _ in range(20))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    await asyncio.to_thread(lambda: [thread.join() for thread in threads])
    assert sorted(sent) == list(range(80))


async def test_handlers_run_in_the_loop_of_the_session(session, picture):
    where = []
    done = asyncio.Event()

    async def handler(frame):
        where.append((threading.current_thread(), asyncio.get_running_loop()))
        done.set()

    session.on("frame", handler)
    session.send(picture())
    await asyncio.wait_for(done.wait(), 20)
    assert where == [(threading.current_thread(), asyncio.get_running_loop())]


async def test_a_handler_that_raises_harms_nobody(session, picture, caplog):
    def bad(frame):
        raise RuntimeError("the handler is broken")

    seen = []
    session.on("frame", bad)
    session.on("frame", seen.append)
    frame = await session.transform(picture())
    assert seen == [frame]
    assert "the handler is broken" in caplog.text
    caplog.clear()  # the traceback holds the session
