"""The official JavaScript SDK 0.0.46 in Chromium against our service."""

from __future__ import annotations

import base64
import io
import wave

import pytest

CYAN = [0, 255, 255]
NOTHING = {"prompt": None, "enhance": False, "image": None}


@pytest.fixture
def server(server, probe):
    """Takes the name of a model that the SDK knows; it takes no others."""
    server.model("mirage_v2", width=320, height=240)(probe)
    return server


@pytest.fixture
async def page(js_sdk, start_page):
    return await start_page("sdk.html")


def address(server):
    return {"url": server.url, "key": server.api_key}


async def test_a_session_without_a_state_streams_both_ways(server, probe, page):
    connected = await page.call("connect", **address(server))
    assert connected["session_id"]
    assert connected["stream"], "the remote stream is there when connect() returns"
    seen = await page.call("see", colour=CYAN, frames=30)
    assert seen["matched"], seen
    assert seen["size"] == [320, 240]
    assert await probe.next_state() == NOTHING
    states = await page.call("until_states", expected=["generating"])
    assert states == ["connecting", "connected", "generating"]
    assert await page.call("disconnect") == "disconnected"
    assert await page.call("sockets") == 1


async def test_every_kind_of_update_does_what_it_says(server, probe, page, picture):
    small, large = picture(16, 8), picture(64, 40)
    # This version sends it when the connection is up: some frames come before it.
    await page.call("connect", **address(server), prompt="zero")
    state = await probe.next_state()
    if state == NOTHING:
        state = await probe.next_state()
    assert state == {"prompt": "zero", "enhance": True, "image": None}

    await page.call("set_prompt", text="one", enhance=False)
    one = {"prompt": "one", "enhance": False, "image": None}
    assert await probe.next_state() == one
    await page.call("set_image", image=small)
    assert await probe.next_state() == one | {"image": (8, 16, 3)}
    await page.call("set_image", image=large, prompt="two", enhance=True)
    two = {"prompt": "two", "enhance": True, "image": (40, 64, 3)}
    assert await probe.next_state() == two
    await page.call("set_image", image=None)
    assert await probe.next_state() == two | {"image": None}
    await page.call("set_state", image=small)
    assert await probe.next_state() == two | {"image": (8, 16, 3)}
    # On the wire this is a prompt with a null image: the whole state, not a part of it.
    await page.call("set_state", prompt="three")
    assert await probe.next_state() == two | {"prompt": "three", "image": None}
    assert (await page.call("see", colour=CYAN, frames=5))["matched"]


async def test_audio_before_the_video_is_not_in_its_way(server, page):
    connected = await page.call("connect", **address(server), media="audio and video")
    assert connected["offered"] == ["audio", "video"]
    assert (await page.call("see", colour=CYAN, frames=10))["matched"]


async def test_an_avatar_that_gets_only_audio_connects(server, page, picture):
    connected = await page.call(
        "connect", **address(server), model="live_avatar", media="none", image=picture(64, 64)
    )
    assert connected["offered"] == ["video", "audio"]
    assert connected["session_id"]
    await page.call("play_audio", content=clip())
    await page.call("until_states", expected=["generating"])


async def test_a_session_that_the_service_ends_is_opened_again(server, page):
    connected = await page.call("connect", **address(server))
    # It may be connected before the first picture.
    await page.call("until_states", expected=["generating"])
    assert server.end_session(connected["session_id"], "timeout")
    await page.call("until_states", expected=["generating", "reconnecting", "generating"])
    assert await page.call("session_id") not in (None, connected["session_id"])
    assert (await page.call("see", colour=CYAN, frames=5))["matched"]


async def test_a_wrong_key_is_refused_at_once_and_for_good(server, page):
    text = await page.fails("connect", url=server.url, key="wrong")
    assert "invalid api key" in text.lower()
    assert await page.call("sockets") == 1


def clip():
    """A fifth of a second of silence, as a file."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(2 * 9_600))
    return base64.b64encode(content.getvalue()).decode()
