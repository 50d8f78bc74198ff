"""A service that misbehaves in the middle of a session."""

from __future__ import annotations

import pytest

import parhelion as ph

GARBAGE = [
    "not json",
    b"\x00\x01",
    {},
    {"type": "never heard of"},
    {"type": "answer", "sdp": "v=0"},
    {"type": "offer", "sdp": "v=0"},
    {"type": "ready"},
    {"type": "ice-candidate", "candidate": None},
    {"type": "ice-candidate", "candidate": {"candidate": "x" * 9999, "sdpMid": "0"}},
    {"type": "ice-restart", "turn_config": {}},
    {"type": "prompt_ack", "prompt": "never sent", "success": True},
    {"type": "set_image_ack", "success": False, "error": "never asked for"},
    {"type": "generation_tick", "seconds": -1e300},
    {"type": "session_id", "session_id": "", "server_ip": "", "server_port": 0},
    {"type": "queue_position", "position": -1, "queue_size": 1 << 70},
    {"type": "error"},
]


async def test_garbage_in_mid_session_does_not_end_it(relay, record, picture):
    def add(message):
        if message["type"] == "prompt_ack" and message["prompt"] == "noir":
            return [*GARBAGE, message]
        return [message]

    async with (
        relay(add) as (url, key),
        ph.Client(key, base_url=url).realtime.connect(model="mirage_v2") as session,
    ):
        events = record(session)
        await session.set_prompt("noir")
        frame = await session.transform(picture())
        assert frame.shape == (240, 320, 3)
        assert session.is_connected()
        assert "reconnecting" not in events.states
        unknown = [data for name, *data in events.events if name == "diagnostic"]
        assert ["unknown_message", {"type": "never heard of"}] in unknown


async def test_a_flood_of_messages_is_survived(relay, record, picture):
    def flood(message):
        if message["type"] == "prompt_ack" and message["prompt"] == "noir":
            tick = {"type": "generation_tick", "seconds": 1}
            return [*[tick] * 5000, message]
        return [message]

    async with (
        relay(flood) as (url, key),
        ph.Client(key, base_url=url).realtime.connect(model="mirage_v2") as session,
    ):
        events = record(session)
        await session.set_prompt("noir")
        assert (await session.transform(picture())).input_id == 0
        assert "reconnecting" not in events.states


async def test_an_error_in_mid_session_is_an_event(relay, record, picture):
    def complain(message):
        if message["type"] == "prompt_ack" and message["prompt"] == "noir":
            return [{"type": "error", "error": "GPU out of memory"}]
        return [message]

    async with (
        relay(complain) as (url, key),
        ph.Client(key, base_url=url).realtime.connect(model="mirage_v2") as session,
    ):
        events = record(session)
        with pytest.raises(ph.ServerError, match="GPU out of memory") as caught:
            await session.set_prompt("noir")
        assert caught.value.code == "WEBRTC_SERVER_ERROR"
        await events.until(lambda seen: seen.of("error"))
        assert [str(error) for error in events.of("error")] == ["GPU out of memory"]
        assert session.is_connected()


async def test_events_of_the_service_reach_their_handlers(relay, record):
    def add(message):
        if message["type"] == "prompt_ack" and message["prompt"] == "noir":
            return [
                {"type": "generation_tick", "seconds": 1.5},
                {"type": "queue_position", "position": 2, "queue_size": 7},
                {"type": "queue_position", "queue_position": 3},
                message,
            ]
        return [message]

    async with (
        relay(add) as (url, key),
        ph.Client(key, base_url=url).realtime.connect(model="mirage_v2") as session,
    ):
        events = record(session)
        await session.set_prompt("noir")
        await events.until(lambda seen: len(seen.of("queue_position")) == 2)
        assert 1.5 in events.of("generation_tick")
        positions = [event[1:] for event in events.events if event[0] == "queue_position"]
        assert positions == [(2, 7), (3, None)]


async def test_a_service_that_says_for_good_and_closes_is_not_tried_again(relay, record):
    sessions = 0

    def end(message):
        nonlocal sessions
        sessions += message["type"] == "session_id"
        if message["type"] == "prompt_ack" and message["prompt"] == "noir":
            reason = {"type": "generation_ended", "seconds": 3, "reason": "insufficient_credits"}
            return [{"type": "error", "error": "insufficient credits"}, reason]
        return [message]

    async with relay(end) as (url, key):
        session = await ph.Client(key, base_url=url).realtime.connect(model="mirage_v2")
        events = record(session)
        with pytest.raises(ph.SessionEndedError, match="insufficient credits"):
            await session.set_prompt("noir")
        await events.until(lambda seen: "disconnected" in seen.states)
        assert events.of("generation_ended") == ["insufficient_credits"]
        # The same failure is told once.
        assert [error.code for error in events.of("error")] == ["SESSION_ENDED"]
    assert sessions == 1
