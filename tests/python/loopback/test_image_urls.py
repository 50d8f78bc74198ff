"""Images behind URLs: fetched within limits, and not from where nobody may look."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
import trustme
from PIL import Image

import parhelion as ph

MODEL = ph.ModelDefinition("viewer", 25, 64, 48)
PICTURE = np.arange(12 * 16 * 3, dtype=np.uint16).reshape(12, 16, 3).astype(np.uint8)


def png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(PICTURE).save(file, "PNG")
    return file.getvalue()


PNG = png()


class Site:
    """An HTTP server whose paths are what the test says: a status, headers and contents."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, dict[str, str], bytes]] = {}
        self.requests: list[str] = []
        self.connections = 0
        self.asked = asyncio.Event()
        self.gone = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(request)
            self.asked.set()
            page = self.pages.get(request.split(" ")[1])
            if page is None:  # never answers
                await reader.read()
                self.gone.set()
            else:
                status, headers, contents = page
                headers = {"content-length": str(len(contents))} | headers
                lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                writer.write(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + contents)
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def serving(context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Site, int]]:
    site = Site()
    async with await asyncio.start_server(site.answer, "127.0.0.1", 0, ssl=context) as server:
        yield site, server.sockets[0].getsockname()[1]


@pytest.fixture
def seen(server: ph.LocalServer) -> list[Any]:
    """The image of every frame that the model saw."""
    seen: list[Any] = []

    @server.model("viewer")
    def viewer(frame: Any, context: ph.ModelContext) -> Any:
        seen.append(context.image)
        return frame

    return seen


@pytest.fixture
def connect(server: ph.LocalServer, seen: list[Any]) -> Callable[..., Any]:
    """Opens a session of a client with those options."""

    def connect(initial_state: ph.InitialState | None = None, **options: Any) -> Any:
        options = {"allow_private_image_urls": True} | options
        client = ph.Client(server.api_key, base_url=server.url, **options)
        return client.realtime.connect(model=MODEL, initial_state=initial_state, timeout=20)

    return connect


async def look(session: ph.RealTimeClient, seen: list[Any]) -> Any:
    await session.transform(np.zeros((48, 64, 3), np.uint8))
    return seen[-1]


async def test_an_image_is_fetched_and_arrives(connect, seen):
    async with serving() as (site, port):
        # What a server says of the kind of its contents is not asked for.
        site.pages["/a.png?size=1"] = ("200 OK", {"content-type": "text/plain"}, PNG)
        site.pages["/moved"] = ("302 Found", {"location": "/a.png?size=1"}, b"")
        url = f"http://127.0.0.1:{port}"
        async with connect() as session:
            await session.set_image(f"{url}/moved")
            assert np.array_equal(await look(session, seen), PICTURE)
            await session.set_image(None)
            await session.set(image=f" HTTP://localhost:{port}/a.png?size=1#top ", prompt="noir")
            assert np.array_equal(await look(session, seen), PICTURE)
        state = ph.InitialState(image=f"{url}/a.png?size=1")
        async with connect(initial_state=state) as session:
            assert np.array_equal(await look(session, seen), PICTURE)
    assert "user-agent: parhelion/" in site.requests[0].lower()
    assert "referer" not in "".join(site.requests).lower()


async def test_private_addresses_are_not_asked(connect, seen):
    async with serving() as (site, port):
        site.pages["/a.png"] = ("200 OK", {}, PNG)
        async with connect(allow_private_image_urls=False) as session:
            for host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "127.1"):
                with pytest.raises(ph.InvalidInputError, match="public internet") as caught:
                    await session.set_image(f"http://{host}:{port}/a.png")
                assert "allow_private_image_urls" in caught.value.hint
                assert caught.value.operation == "set_image"
                assert not caught.value.retryable
            assert await look(session, seen) is None
        state = ph.InitialState(image=f"http://localhost:{port}/a.png")
        with pytest.raises(ph.InvalidInputError, match="of localhost is not on it") as caught:
            await connect(initial_state=state, allow_private_image_urls=False)
        assert caught.value.operation == "connect"
    assert site.connections == 0


@pytest.mark.parametrize(
    ("status", "headers", "contents", "says", "retryable"),
    [
        ("404 Not Found", {}, b"", r"127\.0\.0\.1 answers with HTTP 404", False),
        ("401 Unauthorized", {}, b"", "HTTP 401", False),
        ("429 Too Many Requests", {}, b"", "HTTP 429", True),
        ("503 Service Unavailable", {}, b"", "HTTP 503", True),
        ("204 No Content", {}, b"", "HTTP 204", False),
        ("200 OK", {}, b"", "got 0", False),
        ("200 OK", {"content-type": "image/png"}, b"<!doctype html>", "HTML", False),
        ("200 OK", {"content-type": "image/png"}, PNG[:99], "truncated", False),
        ("200 OK", {"content-length": "20971521"}, b"", "more than 20971520 bytes", False),
        ("200 OK", {"content-length": "999"}, b"short", "cannot be fetched", True),
        ("302 Found", {}, b"", "without saying where", False),
        ("302 Found", {"location": "/x"}, b"", "more than 5 times", False),
        ("302 Found", {"location": "file:///etc/passwd"}, b"", "starts with file:", False),
        ("200 nonsense\x00", {}, b"", "cannot be fetched", True),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_cannot_be_had_leaves_everything_as_it_was(
    connect, seen, status, headers, contents, says, retryable
):
    async with serving() as (site, port), connect() as session:
        await session.set_image(PICTURE)
        site.pages["/x"] = (status, headers, contents)
        with pytest.raises(ph.InvalidInputError, match=says) as caught:
            await session.set(prompt="after", image=f"http://127.0.0.1:{port}/x")
        assert caught.value.operation == "set"
        assert caught.value.retryable is retryable
        assert np.array_equal(await look(session, seen), PICTURE)
        assert session.is_connected()


async def test_a_server_that_does_not_answer_is_left_when_time_is_up(connect):
    async with serving() as (site, port), connect() as session:
        with pytest.raises(ph.ConnectTimeoutError, match="not ready in time"):
            await session.set_image(f"http://127.0.0.1:{port}/never", timeout=2)
        await asyncio.wait_for(site.gone.wait(), 10)
        site.gone.clear()
        site.asked.clear()
        waiting = asyncio.ensure_future(session.set_image(f"http://127.0.0.1:{port}/never"))
        await asyncio.wait_for(site.asked.wait(), 10)
        await session.disconnect()
        with pytest.raises(ph.DisconnectedError):
            await waiting
        await asyncio.wait_for(site.gone.wait(), 10)


async def test_https_trusts_what_the_client_trusts(connect, seen, tmp_path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    async with serving(context) as (site, port):
        site.pages["/a.png"] = ("200 OK", {}, PNG)
        site.pages["/down"] = ("302 Found", {"location": f"http://localhost:{port}/a.png"}, b"")
        url = f"https://localhost:{port}"
        async with connect(ca_file=file) as session:
            await session.set_image(f"{url}/a.png")
            assert np.array_equal(await look(session, seen), PICTURE)
            with pytest.raises(ph.InvalidInputError, match="from https to http"):
                await session.set_image(f"{url}/down")
        async with connect() as session:
            with pytest.raises(ph.InvalidInputError, match="certificate"):
                await session.set_image(f"{url}/a.png")


async def test_credentials_go_to_the_host_and_into_no_text(connect):
    secret = "s3cr3t"
    async with serving() as (site, port), connect() as session:
        site.pages[f"/{secret}?key={secret}"] = ("403 Forbidden", {}, b"")
        with pytest.raises(ph.InvalidInputError, match=r"127\.0\.0\.1 answers") as caught:
            await session.set_image(f"http://me:{secret}@127.0.0.1:{port}/{secret}?key={secret}")
        assert secret not in f"{caught.value}{caught.value!r}"
        wanted = base64.b64encode(f"me:{secret}".encode()).decode()
        assert f"authorization: basic {wanted}".lower() in site.requests[0].lower()


async def test_the_environment_has_no_say(connect, seen, monkeypatch):
    """A proxy would look up names by itself, and so get round the guard."""
    async with serving() as (proxy, proxy_port), serving() as (site, port):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy_port}")
        site.pages["/a.png"] = ("200 OK", {}, PNG)
        async with connect() as session:
            await session.set_image(f"http://127.0.0.1:{port}/a.png")
            assert np.array_equal(await look(session, seen), PICTURE)
        assert proxy.connections == 0
