"""The official Python SDK 0.0.40 against our service."""

from __future__ import annotations

import pytest

import parhelion as ph

CYAN = [0, 255, 255]
NOTHING = {"prompt": None, "enhance": False, "image": None}


def address(server):
    return {"url": server.url, "key": server.api_key}


async def test_a_session_without_a_state_streams_both_ways(server, probe, sdk):
    connected = await sdk.call("connect", **address(server))
    assert connected["session_id"]
    assert connected["track"], "the remote track is there when connect() returns"
    seen = await sdk.call("see", colour=CYAN, frames=30)
    assert seen["matched"], seen
    assert seen["size"] == [320, 240]
    assert await probe.next_state() == NOTHING
    states = await sdk.call("until_states", expected=["connecting", "connected", "generating"])
    assert states == ["connecting", "connected", "generating"]
    assert server.active_sessions == 1
    assert await sdk.call("disconnect") == "disconnected"
    assert (await sdk.call("heard")) == {"errors": [], "sockets": 1}


async def test_an_initial_prompt_is_in_force_from_the_first_frame(server, probe, sdk):
    await sdk.call("connect", **address(server), prompt="a “quoted” café")
    assert await probe.next_state() == {
        "prompt": "a “quoted” café",
        "enhance": False,
        "image": None,
    }
    assert (await sdk.call("see", colour=CYAN))["matched"]


@pytest.mark.parametrize("prompt", [None, "with this hat"])
async def test_an_initial_image_is_in_force_from_the_first_frame(
    server, probe, sdk, picture, prompt
):
    await sdk.call("connect", **address(server), prompt=prompt, image=picture(48, 32))
    assert await probe.next_state() == {"prompt": prompt, "enhance": False, "image": (32, 48, 3)}
    assert (await sdk.call("see", colour=CYAN))["matched"]


async def test_every_kind_of_update_does_what_it_says(server, probe, sdk, picture):
    small, large = picture(16, 8), picture(64, 40)
    await sdk.call("connect", **address(server))
    assert await probe.next_state() == NOTHING

    await sdk.call("set_prompt", text="one")
    one = {"prompt": "one", "enhance": True, "image": None}
    assert await probe.next_state() == one
    await sdk.call("set_image", image=small)
    assert await probe.next_state() == one | {"image": (8, 16, 3)}
    await sdk.call("set_image", image=large, prompt="two", enhance=False)
    two = {"prompt": "two", "enhance": False, "image": (40, 64, 3)}
    assert await probe.next_state() == two
    await sdk.call("set_prompt", text="three", enhance=False)
    assert await probe.next_state() == two | {"prompt": "three"}
    await sdk.call("set_image", image=None)
    assert await probe.next_state() == two | {"prompt": "three", "image": None}
    await sdk.call("set_state", image=small)
    assert (await probe.next_state())["image"] == (8, 16, 3)
    # On the wire this is a prompt with a null image: the whole state, not a part of it.
    await sdk.call("set_state", prompt="four")
    assert await probe.next_state() == {"prompt": "four", "enhance": True, "image": None}
    await sdk.call("set_state", prompt="five", image=large)
    five = {"prompt": "five", "enhance": True, "image": (40, 64, 3)}
    assert await probe.next_state() == five


async def test_a_refused_update_is_told_and_the_session_goes_on(server, probe, sdk, picture):
    await sdk.call("connect", **address(server), prompt="before")
    await probe.next_state()
    assert "PNG, JPEG or WebP" in await sdk.fails("set_image", image="aGVsbG8=")
    assert "10000" in await sdk.fails("set_prompt", text="x" * 10_001)
    await sdk.call("set_prompt", text="after")
    assert (await probe.next_state())["prompt"] == "after"
    assert (await sdk.call("see", colour=CYAN, frames=5))["matched"]


async def test_a_model_of_the_catalog_follows_the_prompt(server, sdk):
    await sdk.call("connect", **address(server), model="mirage_v2")
    seen = await sdk.call("see", colour=[255, 0, 0], frames=5)
    assert seen["matched"], seen
    await sdk.call("set_prompt", text="noir")
    seen = await sdk.call("see", colour="grey", frames=5)
    assert seen["matched"], seen


async def test_a_wrong_key_is_refused_at_once_and_for_good(server, sdk):
    text = await sdk.fails("connect", url=server.url, key="wrong")
    assert "invalid api key" in text.lower()
    assert (await sdk.call("heard"))["sockets"] == 1


async def test_an_unknown_model_is_refused_for_good(server, sdk):
    text = await sdk.fails("connect", **address(server), model="no-such-model")
    assert "unknown model" in text
    assert "no-such-model" in text
    assert (await sdk.call("heard"))["sockets"] == 1


async def test_a_full_service_says_so(start_peer):
    async with ph.LocalServer(max_sessions=1, max_queue=0) as server:
        first, second = await start_peer("official_sdk"), await start_peer("official_sdk")
        await first.call("connect", **address(server), model="mirage_v2")
        text = await second.fails("connect", **address(server), model="mirage_v2")
        assert "capacity" in text.lower()
        # It is worth another try, and the SDK tries as often as it does.
        assert (await second.call("heard"))["sockets"] == 5
        assert server.active_sessions == 1


async def test_a_session_that_the_service_ends_is_opened_again(server, sdk):
    old = (await sdk.call("connect", **address(server)))["session_id"]
    await sdk.call("until_states", expected=["generating"])
    assert server.end_session(old, "timeout")
    await sdk.call("until_states", expected=["generating", "reconnecting", "generating"])
    new = await sdk.call("session_id")
    assert new
    assert new != old
    assert (await sdk.call("see", colour=CYAN, frames=5))["matched"]


async def test_an_image_of_20_megabytes_is_taken(server, probe, sdk, picture):
    await sdk.call("connect", **address(server))
    assert await probe.next_state() == NOTHING
    image = picture(2700, 2560)
    assert 20_000_000 < len(image) * 3 // 4 < 22_000_000
    await sdk.call("set_image", image=image)
    assert (await probe.next_state())["image"] == (2560, 2700, 3)
