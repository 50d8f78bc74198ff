"""What clients of this protocol are known to get wrong, as far as no other test is about it.

The whole list is in docs/protocol.md.
"""

from __future__ import annotations

import json

import pytest
from websockets.asyncio.client import connect

import parhelion as ph


def is_back(seen) -> bool:
    """Connected again after a loss."""
    states = seen.states
    return "reconnecting" in states and "connected" in states[states.index("reconnecting") :]


@pytest.mark.parametrize("model", ["mirage", "mirage_v2", "lucy_2_rt", "live_avatar"])
async def test_a_session_without_a_stream_offers_video_for_every_model(client, model):
    offers: list[str] = []
    connecting = client.realtime.connect(None, model=model, customize_offer=offers.append)
    async with connecting as session:
        assert session.is_connected()
    assert all("\r\nm=video " in offer and "H264/90000" in offer for offer in offers)


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
async def test_a_key_may_come_in_a_header_where_no_log_has_it(server, header):
    key = server.api_key if header == "X-API-Key" else f"Bearer {server.api_key}"
    url = f"{server.url}/v1/stream?model=mirage_v2"
    async with connect(url, additional_headers={header: key}) as peer:
        assert json.loads(await peer.recv())["type"] == "session_id"
    async with connect(url, additional_headers={header: "Bearer wrong"}) as peer:
        assert "invalid api key" in json.loads(await peer.recv())["error"]


async def test_servers_for_ice_stay_as_they_were_given_over_a_reconnect(relay, record, picture):
    servers = [ph.IceServer("stun:127.0.0.1:9")]
    offers: list[str] = []
    async with (
        relay(lambda message: [message]) as (url, key),
        ph.Client(key, base_url=url).realtime.connect(
            model="mirage_v2", ice_servers=servers, customize_offer=offers.append, timeout=30
        ) as session,
    ):
        events = record(session)
        relay.drop_all()
        await events.until(is_back)
        assert (await session.transform(picture())).shape == (240, 320, 3)
    assert servers == [ph.IceServer("stun:127.0.0.1:9")]
    # Nothing piles up from one connection to the next.
    first, second = (offer.count("a=candidate") for offer in offers)
    assert first == second


async def test_an_error_of_connect_is_the_one_that_the_session_would_have_told(relay):
    def refuse(message):
        return [{"type": "error", "error": "unauthorized: this key was withdrawn"}]

    async with relay(refuse) as (url, key):
        with pytest.raises(ph.InvalidApiKeyError) as caught:
            await ph.Client(key, base_url=url).realtime.connect(model="mirage_v2", timeout=20)
    error = caught.value
    assert (error.code, error.operation, error.retryable) == ("INVALID_API_KEY", "connect", False)
    assert "this key was withdrawn" in str(error)
    assert error.hint
