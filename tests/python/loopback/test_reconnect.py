"""A session that loses its service comes back, or says why not."""

from __future__ import annotations

import asyncio

import pytest

import parhelion as ph


async def test_a_service_that_comes_back_gets_the_newest_prompt(record, picture, difference):
    first = ph.LocalServer(api_key="a key for both")
    await first.start()
    port = int(first.url.rsplit(":", 1)[1])
    client = ph.Client("a key for both", base_url=first.url)
    state = ph.InitialState(prompt=ph.Prompt("thermal"))
    async with client.realtime.connect(model="mirage_v2", initial_state=state) as session:
        events = record(session)
        old_id = session.session_id
        await session.set_prompt("noir")
        expected = (await session.transform(picture())).data.copy()
        await first.close()
        await events.until(lambda seen: "reconnecting" in seen.states)
        assert not session.is_connected()
        dropped = session.send(picture())
        assert any(
            (drop.place, drop.reason) == ("capture", "not_connected")
            for drop in session.stats().drops
        )
        async with ph.LocalServer(port=port, api_key="a key for both"):
            await events.until(
                lambda seen: "connected" in seen.states[seen.states.index("reconnecting") :]
            )
            frame = await session.transform(picture())
            assert frame.input_id > dropped
            assert difference(frame, expected) < 3
            assert session.session_id != old_id
            await session.set_prompt("anime")
            await session.disconnect()
    start = events.states.index("reconnecting")
    assert events.states[start:] == ["reconnecting", "connected", "generating", "disconnected"]
    reconnects = [data for name, *data in events.events if name == "diagnostic"]
    assert any(name == "reconnect" and data["success"] for name, data in reconnects)


async def test_without_attempts_it_gives_up_at_once(record, picture):
    server = ph.LocalServer()
    await server.start()
    client = ph.Client(server.api_key, base_url=server.url)
    session = await client.realtime.connect(model="mirage_v2", attempts=0)
    events = record(session)
    reading = asyncio.ensure_future(_read_all(session))
    await server.close()
    await events.until(lambda seen: "disconnected" in seen.states)
    assert events.states[-2:] == ["reconnecting", "disconnected"]
    (error,) = events.of("error")
    assert isinstance(error, ph.WebSocketError)
    assert error.operation == "reconnect"
    assert error.hint
    with pytest.raises(ph.WebSocketError) as caught:
        await reading
    assert caught.value is error
    await session.disconnect()


async def test_a_prompt_that_waits_for_a_service_that_never_returns_is_answered(record):
    server = ph.LocalServer()
    await server.start()
    client = ph.Client(server.api_key, base_url=server.url)
    session = await client.realtime.connect(model="mirage_v2", attempts=1)
    events = record(session)
    await server.close()
    await events.until(lambda seen: "reconnecting" in seen.states)
    with pytest.raises(ph.ParhelionError) as caught:
        await session.set_prompt("noir")
    assert caught.value.operation == "set_prompt" or caught.value.code.startswith("WEBRTC")
    await session.disconnect()


async def test_disconnect_in_the_middle_of_coming_back(record):
    server = ph.LocalServer()
    await server.start()
    client = ph.Client(server.api_key, base_url=server.url)
    session = await client.realtime.connect(model="mirage_v2", attempts=100)
    events = record(session)
    await server.close()
    await events.until(lambda seen: "reconnecting" in seen.states)
    await asyncio.wait_for(session.disconnect(), 10)
    await events.until(lambda seen: "disconnected" in seen.states)
    assert events.states[-2:] == ["reconnecting", "disconnected"]
    assert events.of("error") == []


async def _read_all(session: ph.RealTimeClient) -> None:
    async for _ in session.frames():
        pass
