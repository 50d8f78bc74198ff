"""Chromium against our service, with nothing but the browser's own objects."""

from __future__ import annotations

import pytest

CYAN = [0, 255, 255]


def address(server):
    return {"url": server.url, "key": server.api_key}


@pytest.mark.parametrize(
    ("hide_addresses", "size"), [(True, [320, 240]), (False, [1280, 720])], ids=["mdns", "hd"]
)
async def test_a_page_streams_both_ways(server, start_page, hide_addresses, size):
    width, height = size
    page = await start_page("plain.html", hide_addresses=hide_addresses)
    connected = await page.call("connect", **address(server), width=width, height=height)
    hosts = [candidate for candidate in connected["candidates"] if " typ host" in candidate]
    assert hosts
    assert all((".local " in candidate) is hide_addresses for candidate in hosts), hosts
    seen = await page.call("see", colour=CYAN, frames=30)
    assert seen["matched"], seen
    assert seen["size"] == size
    counted = await page.call("statistics")
    assert counted["inbound-rtp"]["codec"] == "video/H264"
    assert counted["outbound-rtp"]["codec"] == "video/H264"
    assert counted["inbound-rtp"]["key_frames"] >= 1
    assert (await page.call("until", type="generation_started"))["type"] == "generation_started"


async def test_a_page_may_change_the_size_of_its_video(server, start_page):
    page = await start_page("plain.html")
    await page.call("connect", **address(server))
    for width, height in ((320, 240), (480, 272), (160, 120)):
        await page.call("change_size", width=width, height=height)
        seen = await page.call("see", colour=CYAN, size=[width, height], frames=5)
        assert seen["matched"], seen


async def test_a_prompt_changes_what_the_page_shows(server, start_page):
    page = await start_page("plain.html")
    await page.call("connect", **address(server), model="mirage_v2")
    assert (await page.call("see", colour=[255, 0, 0], frames=5))["matched"]
    assert await page.call("set_prompt", text="film noir") == {
        "prompt": "film noir",
        "success": True,
    }
    seen = await page.call("see", colour="grey", frames=5)
    assert seen["matched"], seen


async def test_a_page_sees_why_a_session_ends(server, start_page):
    page = await start_page("plain.html")
    await page.call("connect", **address(server), prompt="anything")
    await server.close()
    ended = await page.call("until", type="generation_ended")
    assert ended["reason"] == "server_shutdown"
    assert await page.call("next_close") == 1001


@pytest.fixture
async def inspecting_page(start_page):
    """A page that sees, and loses, single encoded frames."""
    page = await start_page("plain.html")
    if not await page.call("can_inspect"):
        pytest.skip("this Chromium has no RTCRtpScriptTransform")
    return page


async def test_a_page_that_asks_for_a_key_frame_gets_one(server, inspecting_page):
    page = inspecting_page
    await page.call("connect", **address(server), inspected=True)
    assert (await page.call("see", colour=CYAN, frames=10))["matched"]
    before = (await page.call("statistics"))["inbound-rtp"]
    await page.call("request_key_frame")
    assert (await page.call("see", colour=CYAN, frames=30))["matched"]
    after = (await page.call("statistics"))["inbound-rtp"]
    # A busy browser may ask for one by itself; requests that come at once are answered by one.
    requests = after["requests"] - before["requests"]
    assert 1 <= after["key_frames"] - before["key_frames"] <= requests


@pytest.mark.parametrize("lose", [0, 30], ids=["the first frame", "a later frame"])
async def test_a_frame_that_the_service_never_got_is_made_up_for(server, inspecting_page, lose):
    page = inspecting_page
    await page.call("connect", **address(server), inspected=True, lose=lose)
    assert await page.call("lost") == lose
    seen = await page.call("see", colour=CYAN, frames=30)
    assert seen["matched"], seen
    counted = (await page.call("statistics"))["outbound-rtp"]
    assert counted["requests"] >= 1
    assert counted["key_frames"] >= 2
