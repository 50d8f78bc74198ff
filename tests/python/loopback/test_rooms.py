"""One publisher, and those who watch."""

from __future__ import annotations

import asyncio
import base64
import json

import numpy as np
import pytest
from websockets.asyncio.client import connect

import parhelion as ph


@pytest.fixture
async def flowing(session, picture):
    """A session that sends one picture after the other; its colour can be changed."""

    class Flow:
        shade = 0

    async def send():
        while True:
            session.send(picture(shade=Flow.shade))
            await asyncio.sleep(1 / 30)

    task = asyncio.create_task(send())
    yield Flow
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def address(token):
    return json.loads(base64.b64decode(token))


async def sees(viewer, expected, difference):
    """Reads until the picture that is expected comes."""
    async for frame in viewer.frames():
        if difference(frame.data, expected) < 6:
            return frame
    pytest.fail("the session ended before")


async def test_all_who_watch_see_what_the_publisher_gets(
    client, session, flowing, picture, difference, server
):
    token = session.subscribe_token
    viewers = [await client.realtime.subscribe(token, timeout=20) for _ in range(3)]
    assert server.viewers == 3
    assert server.active_sessions == 1, "who watches takes no place of a session"
    for viewer in viewers:
        assert viewer.is_connected()
        assert viewer.get_connection_state() == "connected"
        await sees(viewer, picture(), difference)
    flowing.shade = 60
    frames = [await sees(viewer, picture(shade=60), difference) for viewer in viewers]
    for frame in frames:
        assert frame.input_id is None
        assert frame.capture_time is not None, "the time when the publisher sent it"
    await viewers[0].disconnect()
    assert viewers[0].get_connection_state() == "disconnected"
    flowing.shade = 20
    for viewer in viewers[1:]:
        await sees(viewer, picture(shade=20), difference)
    async with client.realtime.subscribe(token, timeout=20) as late:
        await sees(late, picture(shade=20), difference)
        assert late.stats().frames_received > 0
        await sees(session, picture(shade=20), difference)
    for viewer in viewers[1:]:
        await viewer.disconnect()


async def test_a_viewer_of_a_still_publisher_sees_its_last_picture(
    client, session, picture, difference
):
    await session.transform(picture(shade=30))
    async with client.realtime.subscribe(session.subscribe_token, timeout=20) as viewer:
        await sees(viewer, picture(shade=30), difference)


async def test_a_viewer_has_a_remote_stream_events_and_no_way_to_change_anything(
    client, session, flowing, record
):
    streams = []
    async with client.realtime.subscribe(
        session.subscribe_token, on_remote_stream=streams.append, format="bgr24", timeout=20
    ) as viewer:
        events = record(viewer)
        await events.until(lambda events: "connected" in events.states)
        assert streams == [viewer.remote_stream]
        assert (await viewer.recv(timeout=20)).format == "bgr24"
        for name in ("send", "set_prompt", "transform"):
            assert not hasattr(viewer, name)
    assert events.states == ["connecting", "connected", "disconnected"]
    assert events.of("error") == []


async def test_viewers_are_told_when_the_publisher_leaves(client, server, session, record):
    viewer = await client.realtime.subscribe(session.subscribe_token, timeout=20)
    events = record(viewer)
    await session.disconnect()
    await events.until(lambda events: "disconnected" in events.states)
    (error,) = events.of("error")
    assert isinstance(error, ph.SessionEndedError)
    assert "the publisher has left" in str(error)
    with pytest.raises(ph.DisconnectedError) as raised:
        await viewer.recv(timeout=20)
    assert raised.value.__cause__ is error
    with pytest.raises(ph.SessionEndedError, match="ended, or never ran"):
        await client.realtime.subscribe(session.subscribe_token, timeout=20)
    await viewer.disconnect()
    for _ in range(1000):  # the service's end of the socket may be a moment later
        if not server.viewers:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"{server.viewers} viewers stayed")


async def test_a_publisher_that_comes_back_has_another_token(client, server, session, record):
    viewer = await client.realtime.subscribe(session.subscribe_token, timeout=20)
    publisher, watched = record(session), record(viewer)
    old = session.subscribe_token
    assert server.end_session(session.session_id, "error")
    await publisher.until(lambda events: events.states[-2:] == ["connected", "generating"])
    await watched.until(lambda events: "disconnected" in events.states)
    assert isinstance(watched.of("error")[0], ph.SessionEndedError)
    new = session.subscribe_token
    assert address(new)["sid"] != address(old)["sid"]
    async with client.realtime.subscribe(new, timeout=20):
        assert server.viewers == 1
    await viewer.disconnect()


async def test_a_viewer_that_loses_its_socket_comes_back(relay, server, client, session, record):
    cut = asyncio.Event()

    def change(message):
        if message["type"] == "error" and cut.is_set():
            pytest.fail(str(message))
        return [message]

    async with relay(change) as (url, key):
        viewer = await ph.Client(key, base_url=url).realtime.subscribe(
            session.subscribe_token, timeout=20
        )
        events = record(viewer)
        assert server.viewers == 1
        cut.set()
    await events.until(lambda events: "reconnecting" in events.states)
    await viewer.disconnect()


async def test_a_full_room_refuses_and_others_go_on(picture, difference):
    async with ph.LocalServer(max_viewers=1) as server:
        client = ph.Client(server.api_key, base_url=server.url)
        async with client.realtime.connect(model="mirage_v2", timeout=20) as session:
            await session.transform(picture())
            token = session.subscribe_token
            async with client.realtime.subscribe(token, timeout=20) as viewer:
                await sees(viewer, picture(), difference)
                with pytest.raises(ph.AtCapacityError, match="capacity of 1 viewers"):
                    await client.realtime.subscribe(token, timeout=20, attempts=0)
                assert viewer.is_connected()
            async with client.realtime.subscribe(token, timeout=20):
                pass


# Tokens ------------------------------------------------------------------------------------------


async def test_a_token_opens_its_session_for_whoever_has_no_key(server, session, picture):
    token = session.subscribe_token
    assert set(address(token)) == {"sid", "ip", "port", "viewer_token"}
    stranger = ph.Client("any", base_url=server.url)
    await session.transform(picture())
    async with stranger.realtime.subscribe(token, timeout=20) as viewer:
        await viewer.recv(timeout=20)
    misused = ph.Client(address(token)["viewer_token"], base_url=server.url)
    with pytest.raises(ph.InvalidApiKeyError, match="not open one"):
        await misused.realtime.connect(model="mirage", timeout=20)


def tampered(token, **changes):
    return base64.b64encode(json.dumps(address(token) | changes).encode()).decode()


async def test_the_form_of_other_clients_needs_a_key(server, client, session, picture):
    await session.transform(picture())
    plain = address(session.subscribe_token)
    del plain["viewer_token"]
    plain = base64.urlsafe_b64encode(json.dumps(plain).encode()).decode()
    async with client.realtime.subscribe(plain, timeout=20) as viewer:
        await viewer.recv(timeout=20)
    with pytest.raises(ph.InvalidApiKeyError, match="invalid api key"):
        await ph.Client("wrong", base_url=server.url).realtime.subscribe(plain, timeout=20)


async def test_a_token_that_does_not_fit_is_refused_with_its_reason(client, session):
    token = session.subscribe_token
    permission = address(token)["viewer_token"]
    head, body, mark = permission.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    longer = base64.urlsafe_b64encode(json.dumps(claims | {"exp": claims["exp"] * 2}).encode())
    forged = ".".join((head, longer.decode().rstrip("="), mark))
    async with client.realtime.connect(model="mirage_v2", timeout=20) as other:
        sid = address(other.subscribe_token)["sid"]
        cases = [
            (tampered(token, viewer_token=forged), ph.InvalidApiKeyError, "not made by this"),
            (tampered(token, viewer_token="vt_x"), ph.InvalidApiKeyError, "not made by this"),
            (tampered(token, sid=sid), ph.InvalidApiKeyError, "for another session"),
            (tampered(token, port=1), ph.SessionEndedError, "of another service"),
            ("nonsense!", ph.InvalidInputError, "expected base64"),
            (tampered(token, ip=""), ph.InvalidInputError, "must not be empty"),
        ]
        for wrong, error, why in cases:
            with pytest.raises(error, match=why) as raised:
                await client.realtime.subscribe(wrong, timeout=20)
            assert permission not in str(raised.value)


async def test_a_token_expires_and_the_session_has_a_newer_one():
    async with ph.LocalServer(viewer_token_lifetime=2) as server:
        client = ph.Client(server.api_key, base_url=server.url)
        async with client.realtime.connect(model="mirage_v2", timeout=20) as session:
            old = session.subscribe_token
            expires = claims(old)["exp"]
            # A newer one comes after half its life, and the old one is of no use after all of it.
            await asyncio.sleep(2.1)
            assert claims(session.subscribe_token)["exp"] > expires
            with pytest.raises(ph.InvalidApiKeyError, match=r"the viewer token expired .* s ago"):
                await client.realtime.subscribe(old, timeout=20)
            async with client.realtime.subscribe(session.subscribe_token, timeout=20):
                pass


def claims(token):
    body = address(token)["viewer_token"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=="))


async def test_wrong_arguments_are_named_before_anything_is_opened(client):
    for arguments, why in [
        ({"token": 5}, "token: expected a str, got int"),
        ({"token": "x", "on_remote_stream": 1}, "on_remote_stream: expected a callable"),
        ({"token": "x", "attempts": -1}, "attempts: expected an int"),
        ({"token": "x", "timeout": 0}, "timeout: expected seconds above 0"),
    ]:
        with pytest.raises((ph.InvalidInputError, ph.InvalidOptionsError), match=why):
            client.realtime.subscribe(**arguments)


async def test_a_viewer_that_talks_like_a_publisher_is_answered_and_changes_nothing(
    server, session, picture, difference
):
    await session.set_prompt("noir")
    token = address(session.subscribe_token)
    url = f"{server.url}/subscribe/{token['sid']}?api_key={server.api_key}"
    async with connect(url) as socket:
        await socket.send(json.dumps({"type": "prompt", "prompt": "p", "enhance_prompt": True}))
        answer = json.loads(await socket.recv())
        assert (answer["type"], answer["success"]) == ("prompt_ack", False)
        assert "a viewer cannot change the session" in answer["error"]
        await socket.send("{")
        assert json.loads(await socket.recv())["type"] == "error"
    frame = await session.transform(picture())
    grey = frame.data.astype(np.int16)
    assert np.abs(grey[..., 0] - grey[..., 1]).mean() < 8, "the prompt is still in force"


def test_the_blocking_face_watches_too(picture, difference):
    with ph.sync.LocalServer() as server:
        client = ph.sync.Client(server.api_key, base_url=server.url)
        with client.realtime.connect(model="mirage_v2", timeout=20) as session:
            session.transform(picture(shade=25))
            with client.realtime.subscribe(session.subscribe_token, timeout=20) as viewer:
                frame = viewer.recv(timeout=20)
                assert difference(frame.data, picture(shade=25)) < 6


async def test_two_rooms_are_kept_apart(client, picture, difference):
    async with (
        client.realtime.connect(model="mirage_v2", timeout=20) as dark,
        client.realtime.connect(model="mirage_v2", timeout=20) as bright,
        client.realtime.subscribe(dark.subscribe_token, timeout=20) as of_dark,
        client.realtime.subscribe(bright.subscribe_token, timeout=20) as of_bright,
    ):
        assert of_dark.session_id == dark.session_id != of_bright.session_id
        for _ in range(20):
            await asyncio.gather(
                dark.transform(picture(shade=-30)), bright.transform(picture(shade=60))
            )
        for viewer, shade in ((of_dark, -30), (of_bright, 60)):
            frame = await sees(viewer, picture(shade=shade), difference)
            assert difference(frame.data, picture(shade=30 - shade)) > 20
