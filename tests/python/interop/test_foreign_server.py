"""Our client against a service that is not ours."""

from __future__ import annotations

import asyncio
import base64
import contextlib

import numpy as np
import pytest

import parhelion as ph

MODEL = ph.ModelDefinition("their model/1", fps=30, width=320, height=240)
RED = np.zeros((240, 320, 3), np.uint8)
RED[..., 0] = 255
CYAN = [0, 255, 255]
STRAY = [
    {"type": "ready"},
    {"type": "from_the_future", "value": [1, 2]},
    {"type": "generation_tick", "seconds": 1.5},
    {"type": "ice-candidate", "candidate": None},
    {"type": "status", "status": "ready"},
    {"type": "queue_position", "queue_position": 1, "position": 1, "queue_size": 2},
]
TIMEOUT = 30.0
MAX_SENT = 600


@pytest.fixture
async def foreign(start_peer):
    return await start_peer("foreign_server")


def connect(url, **options):
    client = ph.Client("a key+/=&", base_url=url, integration="tests")
    return client.realtime.connect(model=MODEL, timeout=TIMEOUT, **options)


async def stream(session, frames=5):
    """Sends until so many came back."""
    received = []
    for _ in range(MAX_SENT):
        session.send(RED)
        # Also the clock: at most 30 frames per second without an answer.
        with contextlib.suppress(ph.ConnectTimeoutError):
            received.append(await session.recv(timeout=1 / 30))
        if len(received) == frames:
            return received
    pytest.fail(f"{len(received)} of {frames} frames came back; {session.stats()}")


def assert_cyan(frame):
    assert frame.shape == (240, 320, 3)
    pixel = frame.data[120, 160].astype(int)
    assert np.abs(pixel - CYAN).max() <= 24, pixel


def expect(session, name, wanted):
    """A future of the event that ``wanted`` is true for."""
    future = asyncio.get_running_loop().create_future()

    def handle(payload):
        if wanted(payload) and not future.done():
            future.set_result(payload)

    session.on(name, handle)
    return asyncio.ensure_future(asyncio.wait_for(future, TIMEOUT))


async def test_frames_flow_both_ways(foreign):
    url = await foreign.call("start")
    async with connect(url) as session:
        await expect(session, "connection_change", lambda state: state == "generating")
        assert session.session_id == "foreign-1"
        for frame in await stream(session):
            assert_cyan(frame)
            # It has not negotiated the extension that would tell.
            assert frame.input_id is None
            assert frame.capture_time is None
            assert frame.latency is None
        assert (await session.transform(RED, timeout=TIMEOUT)).input_id is None
        assert session.stats().frames_received > 5
    (query,) = (await foreign.call("heard"))["queries"]
    assert query["api_key"] == "a key+/=&"
    assert query["model"] == "their model/1"
    assert query["user_agent"].startswith("parhelion/")
    assert "resolution" not in query


async def test_the_messages_are_those_of_the_protocol(foreign):
    url = await foreign.call("start")
    async with connect(url, resolution="1080p") as session:
        await session.set_prompt("one", enhance=False)
        with pytest.raises(ph.ServerError, match="moderation"):
            await session.set_prompt("refused")
        await session.set_prompt("two")
    heard = await foreign.call("heard")
    assert heard["queries"][0]["resolution"] == "1080p"
    (messages,) = heard["messages"]
    assert without_ids(messages[0]) == {"type": "set_image", "image_data": None, "prompt": None}
    assert messages[1]["type"] == "offer"
    assert "H264/90000" in messages[1]["sdp"]
    kinds = [message["type"] for message in messages[2:]]
    assert set(kinds) <= {"ice-candidate", "prompt"}
    prompts = [without_ids(message) for message in messages if message["type"] == "prompt"]
    assert prompts == [
        {"type": "prompt", "prompt": "one", "enhance_prompt": False},
        {"type": "prompt", "prompt": "refused", "enhance_prompt": True},
        {"type": "prompt", "prompt": "two", "enhance_prompt": True},
    ]


async def test_an_initial_state_is_the_first_message(foreign, picture):
    url = await foreign.call("start")
    image = picture(8, 8)
    prompt = ph.InitialState(prompt=ph.Prompt("hello", enhance=False))
    both = ph.InitialState(prompt=ph.Prompt("hello"), image=base64.b64decode(image))
    for state in (prompt, both):
        async with connect(url, initial_state=state) as session:
            assert_cyan((await stream(session, 1))[0])
    first, second = (messages[0] for messages in (await foreign.call("heard"))["messages"])
    assert without_ids(first) == {"type": "prompt", "prompt": "hello", "enhance_prompt": False}
    assert without_ids(second) == {
        "type": "set_image",
        "image_data": image,
        "prompt": "hello",
        "enhance_prompt": True,
    }


@pytest.mark.parametrize("candidates", ["after", "before"])
async def test_candidates_may_come_by_themselves(foreign, candidates):
    url = await foreign.call("start", candidates=candidates)
    async with connect(url) as session:
        assert_cyan((await stream(session))[-1])


async def test_messages_of_other_versions_are_passed_over(foreign):
    url = await foreign.call("start", stray=STRAY, names_session=False)
    async with connect(url) as session:
        errors = []
        session.on("error", errors.append)
        assert await expect(session, "generation_tick", lambda seconds: seconds == 1.5) == 1.5
        assert_cyan((await stream(session))[-1])
        assert session.session_id is None
        assert errors == []
        told = expect(session, "error", lambda _error: True)
        await foreign.call("send", message={"type": "error", "error": "something went wrong"})
        assert "something went wrong" in str(await told)
        assert_cyan((await stream(session))[-1])


async def test_a_session_comes_back_with_the_newest_prompt(foreign):
    url = await foreign.call("start")
    async with connect(url) as session:
        assert_cyan((await stream(session))[-1])
        await session.set_prompt("newest", enhance=False)
        lost = expect(session, "connection_change", lambda state: state == "reconnecting")
        back = expect(session, "connection_change", lambda state: state == "generating")
        states = []
        session.on("connection_change", states.append)
        await foreign.call("drop")
        await lost
        await back
        assert states[0] == "reconnecting"
        assert session.session_id == "foreign-2"
        assert_cyan((await stream(session))[-1])
    _, messages = (await foreign.call("heard"))["messages"]
    assert without_ids(messages[0]) == {
        "type": "prompt",
        "prompt": "newest",
        "enhance_prompt": False,
    }


def without_ids(message):
    """The request id is an addition of ours, which others pass over."""
    return {name: value for name, value in message.items() if name != "request_id"}
