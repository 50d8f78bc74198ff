"""Offers that are looked at and changed before they are sent."""

from __future__ import annotations

import asyncio
import threading

import pytest

import parhelion as ph


def offers(said: list[dict[str, object]]) -> list[object]:
    return [message["sdp"] for message in said if message["type"] == "offer"]


def unchanged(message):
    return [message]


async def test_what_is_returned_is_sent_and_none_changes_nothing(relay, picture):
    seen: list[str] = []
    said: list[dict[str, object]] = []

    def customize(sdp: str) -> str | None:
        assert threading.current_thread() is here
        seen.append(sdp)
        return None if len(seen) == 1 else sdp + "a=x-of-ours:1\r\n"

    async def customize_later(sdp: str) -> str:
        await asyncio.sleep(0)
        return sdp.replace("profile-level-id=42e01f", "profile-level-id=42e01f;max-br=1500")

    here = threading.current_thread()
    async with relay(unchanged, said.append) as (url, key):
        client = ph.Client(key, base_url=url)
        for hook in (customize, customize, customize_later):
            connecting = client.realtime.connect(
                model="mirage_v2", customize_offer=hook, timeout=20, attempts=0
            )
            async with connecting as session:
                assert (await session.transform(picture())).input_id == 0
    sent = offers(said)
    assert len(seen) == 2
    assert all("m=video" in sdp and sdp.startswith("v=0") for sdp in seen)
    assert sent[0] == seen[0]
    assert sent[1] == seen[1] + "a=x-of-ours:1\r\n"
    assert "max-br=1500" in sent[2]


async def test_it_is_called_again_when_the_session_comes_back(relay, record, picture):
    said: list[dict[str, object]] = []
    calls: list[str] = []

    def customize(sdp: str) -> str:
        calls.append(sdp)
        return f"{sdp}a=x-call:{len(calls)}\r\n"

    async with relay(unchanged, said.append) as (url, key):
        client = ph.Client(key, base_url=url)
        connecting = client.realtime.connect(model="mirage_v2", customize_offer=customize)
        async with connecting as session:
            events = record(session)
            relay.drop_all()
            await events.until(lambda seen: "reconnecting" in seen.states)
            await events.until(
                lambda seen: "connected" in seen.states[seen.states.index("reconnecting") :]
            )
            await session.transform(picture())
    first, second = offers(said)
    assert first.endswith("a=x-call:1\r\n")
    assert second.endswith("a=x-call:2\r\n")
    assert calls[0] != calls[1]


class BrokenError(Exception):
    pass


def raises(sdp: str) -> str:
    raise BrokenError("no such codec")


async def raises_later(sdp: str) -> str:
    raise BrokenError("no such codec")


@pytest.mark.parametrize(
    ("hook", "says"),
    [
        (raises, r"customize_offer\(\) raised BrokenError: no such codec"),
        (raises_later, r"customize_offer\(\) raised BrokenError: no such codec"),
        (lambda sdp: 3, r"must return a str or None, got int"),
        (lambda sdp: sdp.encode(), r"got bytes"),
        (lambda sdp: "", "must return SDP of 1 to 262144 bytes, got 0"),
        (lambda sdp: "x" * 262145, "got 262145"),
        (lambda sdp: "\ud800", "surrogate"),
    ],
)
async def test_one_that_fails_fails_the_connect_at_once(server, client, hook, says):
    with pytest.raises(ph.InvalidOptionsError, match=says) as caught:
        await client.realtime.connect(model="mirage_v2", customize_offer=hook, timeout=20)
    error = caught.value
    assert error.operation == "connect"
    assert not error.retryable
    assert "customize_offer" in error.hint
    if hook in (raises, raises_later):
        assert isinstance(error.__cause__, BrokenError)


async def test_one_that_fails_later_ends_the_session(relay, record):
    calls: list[str] = []

    def customize(sdp: str) -> None:
        calls.append(sdp)
        if len(calls) > 1:
            raise BrokenError("not again")

    async with relay(unchanged) as (url, key):
        client = ph.Client(key, base_url=url)
        session = await client.realtime.connect(model="mirage_v2", customize_offer=customize)
        events = record(session)
        relay.drop_all()
        await events.until(lambda seen: "disconnected" in seen.states)
        (error,) = events.of("error")
        assert isinstance(error, ph.InvalidOptionsError)
        assert isinstance(error.__cause__, BrokenError)
        assert error.operation == "reconnect"
        assert len(calls) == 2
        await session.disconnect()


async def test_what_no_service_can_answer_is_the_services_to_refuse(client):
    with pytest.raises(ph.ParhelionError) as caught:
        await client.realtime.connect(
            model="mirage_v2", customize_offer=lambda sdp: "nonsense", timeout=20, attempts=0
        )
    assert caught.value.operation == "connect"


async def test_one_that_never_returns_is_given_up_with_the_connect(client):
    gone = asyncio.Event()

    async def customize(sdp: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()

    with pytest.raises(ph.ConnectTimeoutError):
        await client.realtime.connect(model="mirage_v2", customize_offer=customize, timeout=0.5)
    await asyncio.wait_for(gone.wait(), 20)


@pytest.mark.parametrize("hook", [3, "sdp", object()])
async def test_it_must_be_callable(client, hook):
    with pytest.raises(ph.InvalidInputError, match="customize_offer: expected a callable"):
        client.realtime.connect(model="mirage_v2", customize_offer=hook)


async def test_the_blocking_face_takes_one_too(server, picture):
    seen: list[str] = []
    client = ph.sync.Client(server.api_key, base_url=server.url)

    def program() -> None:
        with client.realtime.connect(model="mirage_v2", customize_offer=seen.append) as session:
            session.transform(picture())
        with pytest.raises(ph.InvalidOptionsError) as caught:
            client.realtime.connect(model="mirage_v2", customize_offer=raises)
        assert isinstance(caught.value.__cause__, BrokenError)

    await asyncio.to_thread(program)
    assert len(seen) == 1
