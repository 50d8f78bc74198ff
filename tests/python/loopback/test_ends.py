"""Sessions that the service ends, or does not begin."""

from __future__ import annotations

import asyncio

import pytest

import parhelion as ph


@pytest.mark.parametrize("reason", ["insufficient_credits", "moderation_violation", "timeout"])
async def test_the_service_may_end_a_session_for_good(server, client, record, reason, picture):
    session = await client.realtime.connect(model="mirage_v2")
    events = record(session)
    waiting = asyncio.ensure_future(session.recv())
    await asyncio.sleep(0)
    assert server.end_session(session.session_id, reason)
    with pytest.raises(ph.DisconnectedError) as caught:
        await waiting
    await events.until(lambda seen: "disconnected" in seen.states)
    assert events.of("generation_ended") == [reason]
    (error,) = events.of("error")
    assert isinstance(error, ph.SessionEndedError)
    assert reason in str(error)
    assert not error.retryable
    assert caught.value.__cause__ is error
    assert "reconnecting" not in events.states
    with pytest.raises(ph.SessionEndedError):
        async for _ in session.frames():
            pass


async def test_a_session_may_have_a_time_limit(record, picture):
    async with ph.LocalServer(max_session_duration=0.3) as server:
        client = ph.Client(server.api_key, base_url=server.url)
        session = await client.realtime.connect(model="mirage_v2", attempts=0)
        events = record(session)
        await events.until(lambda seen: "disconnected" in seen.states)
        assert events.of("generation_ended") == ["timeout"]
        assert [error.code for error in events.of("error")] == ["SESSION_ENDED"]


async def test_a_full_service_says_so_and_has_room_again(record, picture):
    async with ph.LocalServer(max_sessions=1, max_queue=0) as server:
        client = ph.Client(server.api_key, base_url=server.url)
        async with client.realtime.connect(model="mirage_v2"):
            with pytest.raises(ph.AtCapacityError) as caught:
                await client.realtime.connect(model="mirage_v2", attempts=0)
            assert caught.value.code == "AT_CAPACITY"
            assert caught.value.retryable
            # One that keeps trying gets the place when it is free.
            patient = asyncio.ensure_future(_open(client))
            await asyncio.sleep(0)
        async with await asyncio.wait_for(patient, 30) as session:
            assert (await session.transform(picture())).input_id == 0


async def _open(client: ph.Client) -> ph.RealTimeClient:
    return await client.realtime.connect(model="mirage_v2", attempts=5)
