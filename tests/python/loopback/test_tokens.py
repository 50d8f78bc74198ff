"""Tokens for clients: made, limited, expired, forged, used again."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
import urllib.error
import urllib.request

import pytest
from websockets.asyncio.client import connect

import parhelion as ph


def request(server, path, method="POST", body=None, **headers):
    """Status, headers and JSON of a request, in another thread."""
    request = urllib.request.Request(
        server.url.replace("ws://", "http://") + path,
        method=method,
        data=body if body is None else body.encode(),
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )

    def ask():
        try:
            answer = urllib.request.urlopen(request, timeout=20)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read()
            return answer.status, dict(answer.headers), json.loads(text) if text else None

    return asyncio.to_thread(ask)


async def first_message(server, token, model="mirage", **headers):
    """What the service says first to whoever shows that token, and how it closes after an error."""
    url = f"{server.url}/v1/stream?api_key={token}&model={model}"
    async with connect(url, **headers) as socket:
        said = json.loads(await asyncio.wait_for(socket.recv(), 20))
        if said["type"] == "error":
            await asyncio.wait_for(socket.wait_closed(), 20)
        return said, socket.close_code


def with_token(server, token):
    return ph.Client(token.api_key, base_url=server.url)


# Made --------------------------------------------------------------------------------------------


async def test_a_token_opens_a_session_like_a_key(server, client, picture):
    token = await client.tokens.create()
    assert token.api_key.startswith("ek_")
    assert token.permissions is None
    assert token.constraints is None
    left = token.expires_at - dt.datetime.now(dt.timezone.utc)
    assert 50 < left.total_seconds() <= 60
    assert token.api_key not in repr(token)
    async with with_token(server, token).realtime.connect(model="mirage_v2", timeout=20) as session:
        await session.transform(picture())


async def test_what_a_token_is_limited_to_is_repeated(client):
    token = await client.tokens.create(
        expires_in=3600,
        allowed_models=["mirage", "mirage_v2"],
        allowed_origins=["https://app.example"],
        max_session_duration=90,
        max_sessions=2,
        metadata={"user": 7},
    )
    assert token.permissions == {
        "models": ["mirage", "mirage_v2"],
        "origins": ["https://app.example"],
    }
    assert token.constraints == {"realtime": {"maxSessionDuration": 90, "maxSessions": 2}}
    assert (token.expires_at - dt.datetime.now(dt.timezone.utc)).total_seconds() > 3500


async def test_the_endpoint_has_the_form_that_other_clients_know(server):
    for body in (None, "", "{}", '{"metadata":{"a":1}}'):
        status, headers, answer = await request(
            server, "/v1/client/tokens", body=body, X_API_KEY=server.api_key
        )
        assert status == 200
        assert set(answer) == {"apiKey", "expiresAt", "permissions", "constraints"}
        assert headers["access-control-allow-origin"] == "*"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer["expiresAt"])


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("nonsense", "expected a JSON object"),
        ('{"expiresIn":99999}', "expiresIn: expected whole seconds from 1 to 3600, got 99999"),
        ('{"allowedOrigins":["app.example"]}', "expected an origin such as"),
    ],
)
async def test_a_body_that_means_nothing_is_refused_with_a_sentence(server, body, why):
    status, _, answer = await request(
        server, "/v1/client/tokens", body=body, X_API_KEY=server.api_key
    )
    assert status == 400
    assert why in answer["error"]


async def test_pages_of_any_origin_may_ask(server):
    status, headers, _ = await request(
        server,
        "/v1/client/tokens",
        "OPTIONS",
        Origin="https://app.example",
        Access_Control_Request_Headers="x-api-key,content-type",
    )
    assert status == 204
    allowed = headers["access-control-allow-headers"]
    assert all(name in allowed for name in ("x-api-key", "content-type", "user-agent"))


async def test_only_a_key_makes_tokens(server, client):
    token = await client.tokens.create()
    for key, status, why in [("wrong", 401, "invalid api key"), (token.api_key, 403, "another")]:
        with pytest.raises(ph.TokenCreateError, match=why) as raised:
            await ph.Client(key, base_url=server.url).tokens.create()
        assert raised.value.status == status
        assert raised.value.code == "TOKEN_CREATE_ERROR"
        assert key not in str(raised.value)
        assert not raised.value.retryable


async def test_a_service_that_cannot_be_reached_is_worth_another_try():
    with pytest.raises(ph.TokenCreateError, match="could not be asked") as raised:
        await ph.Client("secret-key", base_url="http://127.0.0.1:9").tokens.create()
    assert raised.value.status is None
    assert raised.value.retryable
    assert "secret-key" not in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"expires_in": 0}, "expires_in: expected an int from 1 to 3600, got 0"),
        ({"expires_in": True}, "got True"),
        ({"allowed_models": "mirage"}, "allowed_models: expected a list of str"),
        ({"allowed_models": []}, "expected 1 to 20 entries, got 0"),
        ({"allowed_models": ["m"] * 21}, "got 21"),
        ({"allowed_origins": [5]}, "allowed_origins: expected a list of str"),
        ({"max_session_duration": 0}, "max_session_duration: expected seconds from 1, got 0"),
        ({"max_sessions": 1.5}, "max_sessions: expected an int from 1, got 1.5"),
        ({"metadata": [1]}, "metadata: expected a dict"),
        ({"metadata": {"a": {1}}}, "metadata: expected what JSON can say"),
        ({"metadata": {"a": float("nan")}}, "metadata: expected what JSON can say"),
    ],
)
async def test_wrong_arguments_are_named(client, arguments, why):
    with pytest.raises(ph.InvalidInputError) as raised:
        await client.tokens.create(**arguments)
    assert why in str(raised.value)


def test_the_blocking_face_makes_tokens_too():
    with ph.sync.LocalServer() as server:
        token = ph.sync.Client(server.api_key, base_url=server.url).tokens.create(expires_in=5)
        client = ph.sync.Client(token.api_key, base_url=server.url)
        with client.realtime.connect(model="mirage", timeout=20) as session:
            assert session.is_connected()


async def test_the_quota_is_told():
    async with ph.LocalServer(max_sessions=3) as server:
        client = ph.Client(server.api_key, base_url=server.url)
        async with client.realtime.connect(model="mirage", timeout=20):
            status, _, quota = await request(
                server, "/v1/realtime/quota", "GET", X_API_KEY=server.api_key
            )
            assert (status, quota) == (200, {"limit": 3, "active": 1, "remaining": 2})
        status, _, _ = await request(server, "/v1/realtime/quota", "GET")
        assert status == 401


# Limited -----------------------------------------------------------------------------------------


async def test_a_token_for_another_model_is_refused(server, client):
    token = await client.tokens.create(allowed_models=["mirage"])
    with pytest.raises(ph.InvalidApiKeyError, match=r'the model "mirage_v2", only mirage'):
        await with_token(server, token).realtime.connect(model="mirage_v2", timeout=20)
    async with with_token(server, token).realtime.connect(model="mirage", timeout=20) as session:
        # The room of a model is for those who may see that model.
        other = await client.tokens.create(allowed_models=["mirage_v2"])
        sid = session.session_id
        async with connect(f"{server.url}/subscribe/{sid}?api_key={other.api_key}") as socket:
            said = json.loads(await asyncio.wait_for(socket.recv(), 20))
        assert "only mirage_v2" in said["error"]


async def test_a_token_is_for_the_pages_it_names(server, client):
    token = await client.tokens.create(allowed_origins=["https://app.example"])
    for headers, fits in [
        ({"origin": "https://app.example"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "https://app.example.evil.example"}, False),
        ({}, False),
    ]:
        said, code = await first_message(server, token.api_key, **headers)
        assert (said["type"] == "session_id") == fits, said
        if not fits:
            assert "origin" in said["error"]
            assert code == 1008


async def test_a_session_of_a_token_ends_when_its_time_is_over(server, client, record):
    token = await client.tokens.create(max_session_duration=1)
    session = await with_token(server, token).realtime.connect(model="mirage_v2", timeout=20)
    events = record(session)
    await events.until(lambda events: "disconnected" in events.states)
    assert events.of("generation_ended") == ["timeout"]
    assert isinstance(events.of("error")[0], ph.SessionEndedError)


async def test_sessions_of_a_token_at_once_are_limited(server, client):
    token = await client.tokens.create(max_sessions=1)
    limited = with_token(server, token)
    async with limited.realtime.connect(model="mirage", timeout=20):
        with pytest.raises(ph.AtCapacityError, match="session limit of 1"):
            await limited.realtime.connect(model="mirage", timeout=20, attempts=0)
    while server.active_sessions:  # noqa: ASYNC110 - the service has no event for it
        await asyncio.sleep(0.01)
    async with limited.realtime.connect(model="mirage", timeout=20):
        pass


# Expired, forged, used again ---------------------------------------------------------------------


async def test_an_expired_token_opens_nothing(server, client):
    token = await client.tokens.create(expires_in=1)
    await asyncio.sleep(1.1)
    with pytest.raises(ph.InvalidApiKeyError, match=r"the client token expired .* s ago") as raised:
        await with_token(server, token).realtime.connect(model="mirage", timeout=20)
    assert token.api_key not in str(raised.value)


async def test_a_token_may_be_used_again_within_its_time(server, client):
    token = await client.tokens.create()
    for _ in range(2):
        async with with_token(server, token).realtime.connect(model="mirage", timeout=20):
            pass


@pytest.mark.parametrize("forged", ["ek_", "ek_a.b.c", "ek_eyJhbGciOiJub25lIn0.e30."])
async def test_a_forged_token_opens_nothing(server, forged):
    with pytest.raises(ph.InvalidApiKeyError, match="was not made by this service"):
        await ph.Client(forged, base_url=server.url).realtime.connect(model="mirage", timeout=20)


async def test_a_token_of_another_service_opens_nothing(server):
    async with ph.LocalServer() as other:
        token = await ph.Client(other.api_key, base_url=other.url).tokens.create()
    with pytest.raises(ph.InvalidApiKeyError, match="was not made by this service"):
        await with_token(server, token).realtime.connect(model="mirage", timeout=20)


async def test_a_session_outlives_its_token_and_comes_back_with_it(server, client, record, picture):
    token = await client.tokens.create(expires_in=3)
    async with with_token(server, token).realtime.connect(model="mirage_v2", timeout=20) as session:
        await session.set_prompt("noir")
        events = record(session)
        await asyncio.sleep(3.1)
        assert session.is_connected()
        assert server.end_session(session.session_id, "error")
        await events.until(lambda events: events.states[-2:] == ["connected", "generating"])
        await session.transform(picture())
        assert server.active_sessions == 1
        # Only the session that ran may: nobody else has used that token before.
        fresh = await client.tokens.create(expires_in=1)
        await asyncio.sleep(1.1)
        with pytest.raises(ph.InvalidApiKeyError, match="expired"):
            await with_token(server, fresh).realtime.connect(model="mirage", timeout=20)


# A key that is asked for -------------------------------------------------------------------------


@pytest.mark.parametrize("awaitable", [False, True])
async def test_a_key_may_be_asked_for_anew_each_time(server, client, record, awaitable):
    asked = []

    async def fetch():
        token = await client.tokens.create(expires_in=60)
        asked.append(token.api_key)
        return token.api_key

    def ready():
        asked.append(server.api_key)
        return server.api_key

    asking = ph.Client(fetch if awaitable else ready, base_url=server.url)
    async with asking.realtime.connect(model="mirage_v2", timeout=20) as session:
        events = record(session)
        assert len(asked) == 1
        assert server.end_session(session.session_id, "error")
        await events.until(lambda events: events.states[-2:] == ["connected", "generating"])
        assert len(asked) == 2
    assert (await asking.tokens.create()).api_key if not awaitable else True


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda: 1 / 0, "raised ZeroDivisionError"),
        (lambda: None, "must return a str that is not blank, got NoneType"),
        (lambda: " ", "got a blank str"),
    ],
)
async def test_a_key_that_cannot_be_had_is_told_at_once(server, answer, why):
    asking = ph.Client(answer, base_url=server.url)
    with pytest.raises(ph.InvalidApiKeyError, match=why):
        await asking.realtime.connect(model="mirage", timeout=20)


def test_a_key_is_a_str_or_a_function():
    with pytest.raises(ph.InvalidInputError, match="api_key: expected a str or a function"):
        ph.Client(5)


async def test_a_session_that_ran_waits_for_a_key_that_is_late(server, record):
    keys = [server.api_key]

    def sometimes():
        if not keys:
            keys.append(server.api_key)
            raise OSError("the network is down")
        return keys.pop()

    asking = ph.Client(sometimes, base_url=server.url)
    async with asking.realtime.connect(model="mirage_v2", timeout=20) as session:
        events = record(session)
        assert server.end_session(session.session_id, "error")
        await events.until(lambda events: events.states[-2:] == ["connected", "generating"])
