"""Chromium against our service, with nothing but the browser's own objects."""

from __future__ import annotations

import pytest

CYAN = [0, 255, 255]


def address(server):
    return {"url": server.url, "key": server.api_key}


@pytest.mark.parametrize("hide_addresses", [True, False], ids=["mdns", "addresses"])
async def test_a_page_streams_both_ways(server, start_page, hide_addresses):
    page = await start_page("plain.html", hide_addresses=hide_addresses)
    connected = await page.call("connect", **address(server))
    hosts = [candidate for candidate in connected["candidates"] if " typ host" in candidate]
    assert all((".local " in candidate) is hide_addresses for candidate in hosts), hosts
    seen = await page.call("see", colour=CYAN, frames=30)
    assert seen["matched"], seen
    assert seen["size"] == [320, 240]
    counted = await page.call("statistics")
    assert counted["inbound-rtp"]["codec"] == "video/H264"
    assert counted["outbound-rtp"]["codec"] == "video/H264"
    assert counted["inbound-rtp"]["keys"] >= 1
    assert (await page.call("until", type="generation_started"))["type"] == "generation_started"


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
