"""``wss://``: certificates of the system, and of a file."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

import parhelion as ph


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def tls_url(server: ph.LocalServer, authority: trustme.CA) -> AsyncIterator[str]:
    """The service behind a proxy that speaks TLS, as services are reached in earnest."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    port = int(server.url.rpartition(":")[2])
    carried: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        carried.add(task)
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))

    proxy = await asyncio.start_server(carry, "127.0.0.1", 0, ssl=context)
    try:
        yield f"wss://localhost:{proxy.sockets[0].getsockname()[1]}"
    finally:
        proxy.close()
        await asyncio.gather(*carried, return_exceptions=True)
        await proxy.wait_closed()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


async def test_a_service_behind_tls_is_reached_with_its_authority(
    server, tls_url, authority, tmp_path: Path, picture
):
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    client = ph.Client(server.api_key, base_url=tls_url, ca_file=ca_file)
    async with client.realtime.connect(None, model="mirage_v2") as session:
        assert (await session.transform(picture())).shape == picture().shape


async def test_an_unknown_authority_is_refused_and_the_way_out_is_named(server, tls_url):
    client = ph.Client(server.api_key, base_url=tls_url)
    with pytest.raises(ph.WebSocketError, match="certificate") as caught:
        await client.realtime.connect(None, model="mirage_v2", attempts=0)
    assert "ca_file" in str(caught.value)


async def test_a_file_without_certificates_is_named(server, tls_url, tmp_path: Path):
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing here")
    client = ph.Client(server.api_key, base_url=tls_url, ca_file=empty)
    with pytest.raises(ph.InvalidOptionsError, match=r"empty\.pem.*holds none"):
        await client.realtime.connect(None, model="mirage_v2", attempts=0)
