"""The local service itself."""

from __future__ import annotations

import asyncio
import urllib.request

import pytest

import parhelion as ph


async def test_it_has_an_address_only_while_it_runs():
    server = ph.LocalServer()
    assert "stopped" in repr(server)
    with pytest.raises(ph.InvalidStateError, match="not running"):
        _ = server.url
    async with server:
        assert server.url.startswith("ws://127.0.0.1:")
        assert server.url in repr(server)
    with pytest.raises(ph.InvalidStateError, match="not running"):
        _ = server.url
    assert server.active_sessions == 0
    await server.close()


def test_it_works_without_asyncio():
    with ph.LocalServer() as server:
        health = server.url.replace("ws://", "http://") + "/healthz"
        with urllib.request.urlopen(health, timeout=20) as answer:
            assert b'"mirage_v2"' in answer.read()


async def test_it_starts_once_and_again_after_its_end(picture):
    server = ph.LocalServer()
    for _ in range(3):
        async with server:
            with pytest.raises(ph.InvalidStateError, match="runs already"):
                await server.start()
            client = ph.Client(server.api_key, base_url=server.url)
            async with client.realtime.connect(model="mirage_v2") as session:
                await session.transform(picture())


async def test_a_port_that_is_taken_is_told(server):
    port = int(server.url.rsplit(":", 1)[1])
    with pytest.raises(ph.InvalidOptionsError, match="cannot listen") as caught:
        await ph.LocalServer(port=port).start()
    assert str(port) in str(caught.value)
    assert "port 0" in caught.value.hint


async def test_an_address_of_another_machine_is_told():
    with pytest.raises(ph.InvalidOptionsError, match=r"192\.0\.2\.1"):
        await ph.LocalServer("192.0.2.1").start()


async def test_the_port_is_free_as_soon_as_close_returns():
    async with ph.LocalServer() as server:
        port = int(server.url.rsplit(":", 1)[1])
    async with ph.LocalServer(port=port):
        pass


async def test_close_ends_its_sessions(server, client, record):
    sessions = [await client.realtime.connect(model="mirage_v2", attempts=0) for _ in range(3)]
    events = [record(session) for session in sessions]
    assert server.active_sessions == 3
    await server.close()
    for seen in events:
        await seen.until(lambda seen: "disconnected" in seen.states)
    assert server.active_sessions == 0
    await asyncio.gather(*(session.disconnect() for session in sessions))


async def test_any_key_text_works(picture):
    for key in ("a b+c/d=e&f?g#h%i", "ключ", "x" * 2000):
        async with ph.LocalServer(api_key=key) as server:
            client = ph.Client(key, base_url=server.url)
            async with client.realtime.connect(model="mirage_v2", attempts=0) as session:
                await session.transform(picture())


async def test_the_scheme_of_a_web_address_means_the_same(server, picture):
    url = server.url.replace("ws://", "http://") + "/"
    client = ph.Client(server.api_key, base_url=url)
    async with client.realtime.connect(model="mirage_v2", attempts=0) as session:
        await session.transform(picture())


async def test_a_server_that_nobody_holds_stops():
    server = ph.LocalServer()
    await server.start()
    url = server.url
    del server
    with pytest.raises(ph.WebSocketError):
        await ph.Client("key", base_url=url).realtime.connect(model="mirage_v2", attempts=0)
