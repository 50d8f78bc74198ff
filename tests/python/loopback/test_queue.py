"""A full service: who waits, in which order, and for how long."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
import time

import pytest
from websockets.asyncio.client import connect

import parhelion as ph


@pytest.fixture
async def full():
    """A service with one place, and a client of it."""
    async with ph.LocalServer(max_sessions=1) as server:
        yield server, ph.Client(server.api_key, base_url=server.url)


class Waiting:
    """A client that connects and notes where it stands."""

    def __init__(self, client, **options):
        self.positions = []
        self._moved = asyncio.Event()
        self.task = asyncio.create_task(self._connect(client, options))

    async def _connect(self, client, options):
        return await client.realtime.connect(
            model="mirage_v2", on_queue_position=self._note, timeout=60, **options
        )

    def _note(self, position, size):
        self.positions.append((position, size))
        self._moved.set()

    async def stands(self, position):
        async def wait():
            while (self.positions or [(None, None)])[-1] != position:
                self._moved.clear()
                await self._moved.wait()

        await asyncio.wait_for(wait(), 20)


async def test_five_clients_get_one_place_in_the_order_in_which_they_came(full, picture):
    server, client = full
    holder = await client.realtime.connect(model="mirage_v2", timeout=20)
    waiting = []
    for number in range(1, 5):
        waiting.append(Waiting(client))
        await waiting[-1].stands((number, number))
    assert (server.active_sessions, server.waiting_sessions) == (1, 4)
    while waiting:
        await holder.disconnect()
        first = waiting.pop(0)
        holder = await asyncio.wait_for(first.task, 20)
        await holder.transform(picture())
        for number, other in enumerate(waiting, 1):
            await other.stands((number, len(waiting)))
            assert not other.task.done()
        assert server.active_sessions == 1
    await holder.disconnect()


async def test_whoever_leaves_loses_its_place_and_those_behind_move_up(full):
    _, client = full
    holder = await client.realtime.connect(model="mirage_v2", timeout=20)
    waiting = []
    for number in range(1, 4):
        waiting.append(Waiting(client))
        await waiting[-1].stands((number, number))
    first, second, third = waiting
    second.task.cancel()
    await third.stands((2, 2))
    first.task.cancel()
    await third.stands((1, 1))
    await holder.disconnect()
    session = await asyncio.wait_for(third.task, 20)
    assert third.positions == [(3, 3), (2, 2), (1, 1)]
    await session.disconnect()
    await asyncio.gather(first.task, second.task, return_exceptions=True)


async def test_the_state_that_a_client_brings_is_in_force_when_it_is_let_in(full, picture):
    server, client = full
    colours = []
    server.model("probe", width=320, height=240)(
        lambda frame, context: (colours.append(context.prompt), frame)[1]
    )
    holder = await client.realtime.connect(model="mirage_v2", timeout=20)
    task = asyncio.create_task(
        client.realtime.connect(
            model=ph.ModelDefinition(name="probe", fps=30, width=320, height=240),
            initial_state=ph.InitialState(ph.Prompt("red")),
            timeout=60,
        ).__aenter__()
    )
    while not server.waiting_sessions:  # noqa: ASYNC110 - the service has no event for it
        await asyncio.sleep(0.01)
    await holder.disconnect()
    session = await asyncio.wait_for(task, 20)
    await session.transform(picture())
    assert colours[0] == "red"
    await session.disconnect()


async def test_events_of_the_queue_reach_handlers_that_are_registered_later(full, record):
    server, client = full
    holder = await client.realtime.connect(model="mirage_v2", timeout=20)

    async def make_room():
        while not server.waiting_sessions:  # noqa: ASYNC110 - the service has no event for it
            await asyncio.sleep(0.01)
        await holder.disconnect()

    making_room = asyncio.create_task(make_room())
    async with client.realtime.connect(model="mirage_v2", timeout=60) as session:
        events = record(session)
        await events.until(lambda events: events.of("queue_position"))
        assert events.of("queue_position") == [1]
    await making_room


async def test_a_connect_that_has_waited_long_enough_says_where_it_stood(full):
    _, client = full
    async with client.realtime.connect(model="mirage_v2", timeout=20):
        with pytest.raises(
            ph.ConnectTimeoutError, match="at position 1 of 1 of its queue"
        ) as error:
            await client.realtime.connect(model="mirage_v2", timeout=1.0)
        assert "timeout=" in str(error.value)


async def test_a_full_queue_refuses():
    async with ph.LocalServer(max_sessions=1, max_queue=1) as server:
        client = ph.Client(server.api_key, base_url=server.url)
        async with client.realtime.connect(model="mirage_v2", timeout=20):
            waiting = Waiting(client)
            await waiting.stands((1, 1))
            with pytest.raises(ph.AtCapacityError):
                await client.realtime.connect(model="mirage_v2", timeout=20, attempts=0)
            waiting.task.cancel()
            await asyncio.gather(waiting.task, return_exceptions=True)


async def test_a_service_that_closes_lets_nobody_wait():
    async with ph.LocalServer(max_sessions=1) as server:
        client = ph.Client(server.api_key, base_url=server.url)
        holder = await client.realtime.connect(model="mirage_v2", timeout=20, attempts=0)
        waiting = Waiting(client, attempts=0)
        await waiting.stands((1, 1))
    with pytest.raises(ph.ParhelionError):
        await asyncio.wait_for(waiting.task, 20)
    await holder.disconnect()


def silent_session(server):
    """A session whose client has opened it and then never says, answers or reads anything."""
    host, port = server.url.removeprefix("ws://").split(":")
    raw = sockets.create_connection((host, int(port)), timeout=20)
    raw.sendall(
        f"GET /v1/stream?api_key={server.api_key}&model=mirage_v2 HTTP/1.1\r\n"
        f"Host: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while b"session_id" not in answer:
        answer += raw.recv(4096)
    return raw


async def test_a_place_is_free_within_five_seconds_when_its_holder_vanishes(full, picture):
    server, client = full
    raw = await asyncio.to_thread(silent_session, server)
    try:
        assert server.active_sessions == 1
        waiting = Waiting(client)
        await waiting.stands((1, 1))
        began = time.monotonic()
        session = await asyncio.wait_for(waiting.task, 20)
        # Four seconds of silence, to the tenth in the tests in virtual time; here with whatever the
        # machine does besides. Otherwise it would be a minute.
        assert 3 < time.monotonic() - began < 15
        await session.transform(picture())
        await session.disconnect()
    finally:
        raw.close()


async def test_a_holder_that_answers_keeps_its_place(full):
    _, client = full
    holder = await client.realtime.connect(model="mirage_v2", timeout=20)
    waiting = Waiting(client)
    await waiting.stands((1, 1))
    await asyncio.sleep(5.5)
    assert holder.is_connected()
    assert not waiting.task.done()
    await holder.disconnect()
    await (await asyncio.wait_for(waiting.task, 20)).disconnect()


async def test_a_client_that_knows_no_queue_has_its_state_taken_and_its_offer_answered_later(full):
    server, client = full
    holder = await client.realtime.connect(model="mirage_v2", timeout=20)
    url = f"{server.url}/v1/stream?api_key={server.api_key}&model=mirage_v2"
    async with connect(url) as socket:

        async def receive():
            return json.loads(await asyncio.wait_for(socket.recv(), 20))

        assert await receive() == {
            "type": "queue_position",
            "position": 1,
            "queue_position": 1,
            "queue_size": 1,
        }
        await socket.send(json.dumps({"type": "prompt", "prompt": "p", "enhance_prompt": True}))
        assert await receive() == {
            "type": "prompt_ack",
            "prompt": "p",
            "success": True,
            "error": None,
        }
        await socket.send(json.dumps({"type": "offer", "sdp": "no description at all"}))
        await holder.disconnect()
        assert (await receive())["type"] == "session_id"
        answer = await receive()
        assert answer["type"] == "error", "the offer was looked at as soon as there was a place"
