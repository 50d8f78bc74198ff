"""A service of somebody else's that does not do as it should: what a user of ours sees of it."""

from __future__ import annotations

import asyncio
import json

import pytest

import parhelion as ph

FULL = "Server at capacity. Please try again later."


def is_back(seen) -> bool:
    """Connected again after a loss."""
    states = seen.states
    return "reconnecting" in states and "connected" in states[states.index("reconnecting") :]


def client(url: str, key: str) -> ph.Client:
    return ph.Client(key, base_url=url)


async def test_an_acknowledgement_of_somebody_elses_prompt_answers_nobody(relay, picture):
    wrong = asyncio.Event()
    held: list[dict[str, object]] = []

    def change(message):
        if message["type"] == "prompt_ack" and message["prompt"] == "noir":
            held.append(message)
            wrong.set()
            return [
                {"type": "prompt_ack", "prompt": "theirs", "success": True},
                message | {"request_id": "somebody else's"},
                {"type": "set_image_ack", "success": True},
            ]
        return [*held, message] if message["type"] == "prompt_ack" else [message]

    async with (
        relay(change) as (url, key),
        client(url, key).realtime.connect(model="mirage_v2") as session,
    ):
        setting = asyncio.ensure_future(session.set_prompt("noir"))
        await wrong.wait()
        frame = await session.transform(picture())
        assert frame.shape == (240, 320, 3)
        assert not setting.done()
        setting.cancel()
        # What comes late is for the call that it belongs to, which nobody waits for any more.
        with pytest.raises(asyncio.CancelledError):
            await setting


async def test_what_is_acknowledged_twice_answers_once(relay, picture, difference):
    async with (
        relay(lambda message: [message, message]) as (url, key),
        client(url, key).realtime.connect(model="mirage_v2") as session,
    ):
        await session.set_prompt("noir")
        await session.set_prompt("noir")
        noir = (await session.transform(picture())).data.copy()
        await session.set_prompt("thermal")
        thermal = await session.transform(picture())
        while difference(thermal, noir) <= 10:  # it fades in
            thermal = await session.transform(picture())
        assert session.is_connected()


@pytest.mark.parametrize("last", ["session_id", "set_image_ack", "answer", "generation_started"])
async def test_one_that_breaks_off_at_any_step_is_tried_again(relay, picture, last):
    broken: list[str] = []

    def change(message):
        if message["type"] == last and not broken:
            broken.append(last)
            relay.drop_all()
            return []
        return [message]

    async with (
        relay(change) as (url, key),
        client(url, key).realtime.connect(model="mirage_v2", timeout=30) as session,
    ):
        assert (await session.transform(picture())).shape == (240, 320, 3)
    assert broken == [last]


async def test_one_that_returns_without_the_model_is_left_with_one_error(relay, record):
    names: list[str] = []

    def change(message):
        if message["type"] != "session_id":
            return [message]
        names.append(message["session_id"])
        if len(names) == 1:
            return [message]
        return [{"type": "error", "error": 'invalid session: unknown model "mirage_v2"'}]

    async with relay(change) as (url, key):
        session = await client(url, key).realtime.connect(model="mirage_v2")
        events = record(session)
        relay.drop_all()
        await events.until(lambda seen: "disconnected" in seen.states)
        (error,) = events.of("error")
        assert isinstance(error, ph.ModelNotFoundError)
        assert error.operation == "reconnect"
        assert not error.retryable
    assert len(names) == 2


async def test_one_that_returns_with_another_codec_is_left_with_one_error(relay, record):
    answers: list[str] = []

    def change(message):
        if message["type"] == "answer":
            answers.append(message["sdp"])
            if len(answers) > 1:
                lines = message["sdp"].split("\r\n")
                kept = [line for line in lines if not line.startswith(("a=rtpmap", "a=fmtp"))]
                return [message | {"sdp": "\r\n".join(kept)}]
        return [message]

    async with relay(change) as (url, key):
        session = await client(url, key).realtime.connect(model="mirage_v2")
        events = record(session)
        relay.drop_all()
        await events.until(lambda seen: "disconnected" in seen.states)
        (error,) = events.of("error")
        assert isinstance(error, ph.SignalingError)
        assert "codec" in str(error)
        assert not error.retryable
    assert len(answers) == 2


async def test_one_that_is_full_is_waited_for_and_the_newest_prompt_returns(
    relay, record, picture, difference
):
    connections: list[str] = []
    said: list[dict[str, object]] = []

    def change(message):
        if message["type"] == "session_id":
            connections.append(message["session_id"])
        if len(connections) == 2:
            relay.drop_all()
            return [{"type": "error", "error": FULL}]
        return [message]

    async with (
        relay(change, said.append) as (url, key),
        client(url, key).realtime.connect(model="mirage_v2") as session,
    ):
        events = record(session)
        await session.set_prompt("noir")
        noir = (await session.transform(picture())).data.copy()
        relay.drop_all()
        await events.until(is_back)
        assert difference(await session.transform(picture()), noir) < 3
        assert events.of("error") == []
        assert session.session_id == connections[2]
    assert len(connections) == 3
    prompts = [message["prompt"] for message in said if message["type"] == "prompt"]
    assert prompts[0] == "noir"
    assert set(prompts) == {"noir"}


async def test_messages_in_the_wrong_order_do_no_harm(relay, picture):
    """All that a service says before media flows, in its own order backwards and forwards."""
    backwards: list[dict[str, object]] = []

    def change(message):
        if message["type"] == "answer":
            return [
                {"type": "generation_started"},
                {"type": "generation_ended", "seconds": 0, "reason": "disconnect"},
                {"type": "offer", "sdp": message["sdp"]},
                message,
                message,
                *reversed(backwards),
            ]
        backwards.append(message)
        return [message]

    async with (
        relay(change) as (url, key),
        client(url, key).realtime.connect(model="mirage_v2", timeout=30) as session,
    ):
        assert (await session.transform(picture())).shape == (240, 320, 3)


async def test_long_messages_of_every_kind_are_refused_and_change_nothing(relay, record, picture):
    lists = "[]," * 100_000
    long = "x" * 100_000
    messages = [
        '{"type":"generation_tick","seconds":1,"service_stats":{"drops":[' + lists + "0]}}",
        json.dumps({"type": "session_id", "session_id": long}),
        json.dumps({"type": "ice-candidate", "candidate": {"candidate": long}}),
        json.dumps({"type": "generation_ended", "seconds": 1, "reason": long}),
        json.dumps({"type": long}),
    ]

    def change(message):
        if message["type"] == "prompt_ack" and message["prompt"] == "noir":
            return [*messages, message]
        return [message]

    async with (
        relay(change) as (url, key),
        client(url, key).realtime.connect(model="mirage_v2") as session,
    ):
        events = record(session)
        name = session.session_id
        await session.set_prompt("noir")
        assert (await session.transform(picture())).input_id == 0
        assert session.session_id == name
        told = [str(error) for error in events.of("error")]
        assert len(told) == 4
        assert all("at most 65536 bytes" in text and len(text) < 300 for text in told)
        assert "reconnecting" not in events.states


async def test_a_key_in_a_refusal_is_not_shown(relay, picture):
    def change(message):
        if message["type"] == "prompt_ack" and message["prompt"] == "noir":
            text = f"cannot fetch wss://host/v1/stream?api_key={key}"
            return [message | {"success": False, "error": text}]
        return [message]

    async with (
        relay(change) as (url, key),
        client(url, key).realtime.connect(model="mirage_v2") as session,
    ):
        with pytest.raises(ph.ServerError, match="cannot fetch") as caught:
            await session.set_prompt("noir")
        assert key not in f"{caught.value}{caught.value!r}"
        assert session.is_connected()
