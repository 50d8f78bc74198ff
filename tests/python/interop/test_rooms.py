"""Rooms, tokens and the queue of our service, with the official SDKs in every part."""

from __future__ import annotations

import asyncio
import base64
import json

import numpy as np
import pytest

import parhelion as ph

CYAN = [0, 255, 255]


@pytest.fixture
def server(server, probe):
    """Takes the name of a model that both SDKs know."""
    server.model("mirage_v2", width=320, height=240)(probe)
    return server


@pytest.fixture
async def page(js_sdk, start_page):
    return await start_page("sdk.html")


@pytest.fixture
async def publisher(server):
    """A session of ours that sends red, and gets cyan back."""
    client = ph.Client(server.api_key, base_url=server.url)
    red = np.zeros((240, 320, 3), np.uint8)
    red[..., 0] = 255

    def pictures():
        while True:
            yield red

    async with client.realtime.connect(pictures(), model="mirage_v2", timeout=20) as session:
        await session.recv(timeout=20)
        yield session


def address(server):
    return {"url": server.url, "key": server.api_key}


async def watched(server, token):
    """What our viewer sees with that token."""
    client = ph.Client(server.api_key, base_url=server.url)
    async with client.realtime.subscribe(token, timeout=20) as viewer:
        async for frame in viewer.frames():
            if np.abs(frame.data.mean(axis=(0, 1)) - CYAN).max() < 25:
                return frame
    pytest.fail("the session ended before")


async def test_the_python_sdk_watches_our_session(server, publisher, sdk):
    await sdk.call("subscribe", **address(server), token=publisher.subscribe_token)
    seen = await sdk.call("see", colour=CYAN, frames=20)
    assert seen["matched"], seen
    assert server.viewers == 1
    assert await sdk.call("disconnect") == "disconnected"
    await publisher.recv(timeout=20)
    assert publisher.is_connected()
    assert (await sdk.call("heard")) == {"errors": [], "sockets": 1}


async def test_the_javascript_sdk_watches_our_session(server, publisher, page):
    await page.call("subscribe", **address(server), token=publisher.subscribe_token)
    seen = await page.call("see", colour=CYAN, frames=20)
    assert seen["matched"], seen
    assert await page.call("disconnect") == "disconnected"
    await publisher.recv(timeout=20)
    assert publisher.is_connected()
    assert await page.call("sockets") == 1


async def test_both_sdks_watch_with_the_permission_alone(server, publisher, sdk, page):
    token = publisher.subscribe_token
    permission = json.loads(base64.b64decode(token))["viewer_token"]
    for viewer in (sdk, page):
        await viewer.call("subscribe", url=server.url, key=permission, token=token)
        assert (await viewer.call("see", colour=CYAN, frames=5))["matched"]


async def test_sessions_of_the_sdks_are_watched_by_each_other_and_by_us(server, sdk, page):
    await sdk.call("connect", **address(server), model="mirage_v2")
    token = await sdk.call("subscribe_token")
    await watched(server, token)
    await page.call("subscribe", **address(server), token=token)
    assert (await page.call("see", colour=CYAN, frames=10))["matched"]


async def test_a_session_of_the_javascript_sdk_is_watched(server, sdk, page):
    await page.call("connect", **address(server))
    token = await page.call("subscribe_token")
    await watched(server, token)
    await sdk.call("subscribe", **address(server), token=token)
    assert (await sdk.call("see", colour=CYAN, frames=10))["matched"]


async def test_viewers_stop_for_good_when_the_publisher_has_left(server, publisher, sdk, page):
    for viewer in (sdk, page):
        await viewer.call("subscribe", **address(server), token=publisher.subscribe_token)
        assert (await viewer.call("see", colour=CYAN))["matched"]
    await publisher.disconnect()
    # They look once whether it comes back, and are told in words that it does not.
    for viewer in (sdk, page):
        await viewer.call("until_states", expected=["reconnecting", "disconnected"])
    heard = await sdk.call("heard")
    assert heard["sockets"] == 2
    assert "invalid session" in heard["errors"][-1]
    assert await page.call("sockets") == 2


async def test_the_python_sdk_makes_a_token_and_uses_it(server, sdk):
    token = await sdk.call(
        "create_token",
        **address(server),
        expires_in=120,
        allowed_models=["mirage_v2"],
        constraints={"realtime": {"maxSessionDuration": 60}},
    )
    assert token["permissions"]["models"] == ["mirage_v2"]
    assert token["constraints"]["realtime"]["maxSessionDuration"] == 60
    key = token["api_key"]
    assert "only mirage_v2" in await sdk.fails("connect", url=server.url, key=key)
    await sdk.call("connect", url=server.url, key=key, model="mirage_v2")
    assert (await sdk.call("see", colour=CYAN, frames=5))["matched"]
    assert "403" in await sdk.fails("create_token", url=server.url, key=key)


async def test_the_javascript_sdk_makes_a_token_in_a_page_of_another_origin(server, page):
    token = await page.call("create_token", **address(server))
    assert token["apiKey"].startswith("ek_")
    assert token["expiresAt"].endswith("Z")
    await page.call("connect", url=server.url, key=token["apiKey"])
    assert (await page.call("see", colour=CYAN, frames=5))["matched"]
    assert "401" in await page.fails("create_token", url=server.url, key="wrong")


@pytest.mark.parametrize("which", ["sdk", "page"])
async def test_clients_that_know_no_queue_wait_in_it(which, probe, js_sdk, start_peer, start_page):
    peer = await (start_peer("official_sdk") if which == "sdk" else start_page("sdk.html"))
    async with ph.LocalServer(max_sessions=1) as server:
        server.model("mirage_v2", width=320, height=240)(probe)
        client = ph.Client(server.api_key, base_url=server.url)
        async with client.realtime.connect(model="mirage", timeout=20):
            connecting = asyncio.create_task(
                peer.call("connect", **address(server), model="mirage_v2", prompt="later")
            )
            while not server.waiting_sessions:  # noqa: ASYNC110 - the service has no event for it
                await asyncio.sleep(0.01)
            done, _ = await asyncio.wait([connecting], timeout=1)
            assert not done
        connected = await connecting
        assert connected["session_id"]
        assert (await peer.call("see", colour=CYAN, frames=5))["matched"]
        assert await peer.call("disconnect") == "disconnected"
