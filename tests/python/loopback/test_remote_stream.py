"""The remote stream: one object, from the first connect to the end."""

from __future__ import annotations

import asyncio
import logging

import pytest

import parhelion as ph


async def test_it_is_one_object_over_a_reconnect(record, picture):
    first = ph.LocalServer(api_key="a key for both")
    await first.start()
    port = int(first.url.rsplit(":", 1)[1])
    client = ph.Client("a key for both", base_url=first.url)
    given = []
    async with client.realtime.connect(model="mirage_v2", on_remote_stream=given.append) as session:
        assert given == [session.remote_stream]
        (stream,) = given
        events = record(session)
        waiting = asyncio.ensure_future(stream.recv())
        await first.close()
        await events.until(lambda seen: "reconnecting" in seen.states)
        async with ph.LocalServer(port=port, api_key="a key for both"):
            await events.until(lambda seen: seen.states[-1] in ("connected", "generating"))
            frame = await session.transform(picture())
            assert (await waiting).input_id <= frame.input_id
            await session.disconnect()
    assert session.remote_stream is stream
    assert given == [stream]


async def test_a_coroutine_function_reads_it_while_the_session_goes_on(client, picture):
    received = []

    async def show(stream):
        received.extend([frame.input_id async for frame in stream.frames()])

    async with client.realtime.connect(model="mirage_v2", on_remote_stream=show) as session:
        for _ in range(3):
            await session.transform(picture())
    assert received == [0, 1, 2]


async def test_a_function_that_raises_is_logged_and_harms_nothing(client, picture, caplog):
    def fail(stream):
        raise RuntimeError("no display")

    with caplog.at_level(logging.ERROR, "parhelion.events"):
        async with client.realtime.connect(model="mirage_v2", on_remote_stream=fail) as session:
            await session.transform(picture())
    assert "on_remote_stream" in caplog.text
    assert "no display" in caplog.text


@pytest.mark.parametrize("value", [3, "show", []])
def test_what_cannot_be_called_is_refused_at_once(client, value):
    with pytest.raises(ph.InvalidInputError, match="on_remote_stream: expected a callable"):
        client.realtime.connect(model="mirage_v2", on_remote_stream=value)


async def test_who_holds_the_stream_holds_the_session(server, client, picture):
    session = await client.realtime.connect(model="mirage_v2")
    stream = session.remote_stream
    session.send(picture())
    del session
    assert (await stream.recv(timeout=20)).input_id == 0
    del stream

    async def gone() -> None:
        while server.active_sessions:
            await asyncio.to_thread(lambda: None)

    await asyncio.wait_for(gone(), 10)
