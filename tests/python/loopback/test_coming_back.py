"""A network or a service that goes away: what is healed in place, what is begun anew, what ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import numpy as np
import pytest

import parhelion as ph

KEY = "one key for both"


@contextlib.asynccontextmanager
async def flowing(session, picture):
    """Sends one picture after the other, as a camera does; what is not wanted is dropped."""

    async def send():
        while session.get_connection_state() != "disconnected":
            with contextlib.suppress(ph.QueueFullError, ph.InvalidStateError):
                session.send(picture())
            await asyncio.sleep(1 / 30)

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def coloured(server: ph.LocalServer) -> None:
    """A model whose pictures say with which prompt they were made: grey, or black without one."""

    @server.model("coloured", fps=30, width=320, height=240)
    def grey(frame, context):
        return np.full_like(frame, int(context.prompt or 0))


def shade(frame) -> int:
    return int(np.asarray(frame).mean().round())


def diagnostics(events, name: str) -> list[dict]:
    return [event[2] for event in events.events if event[:2] == ("diagnostic", name)]


async def back(events, timeout=40.0):
    def generates_again(seen):
        return (
            "reconnecting" in seen.states
            and "generating" in seen.states[seen.states.index("reconnecting") :]
        )

    await events.until(generates_again, timeout=timeout)


async def test_a_silent_network_is_healed_in_the_same_session(
    server, client, record, picture, difference
):
    async with client.realtime.connect(model="mirage_v2") as session:
        watching = client.realtime.subscribe(session.subscribe_token)
        async with watching as viewer, flowing(session, picture):
            await session.set_prompt("thermal")
            await session.recv()
            events, name = record(session), session.session_id
            with server.faults.blackout(session_id=name):
                await events.until(lambda seen: "reconnecting" in seen.states, timeout=40)
                # The control socket lives, so this takes effect at once.
                await session.set_prompt("noir")
            await back(events)
            after = (await session.recv()).data.copy()
            assert abs(after[..., 0].astype(int) - after[..., 2]).mean() < 2, "grey, as noir is"
            assert session.session_id == name
            assert server.active_sessions == 1
            stats = session.stats()
            assert (stats.ice_restarts, stats.reconnects) == (1, 0)
            assert 0 < stats.last_outage == stats.total_outage_duration
            assert events.states[-3:] == ["reconnecting", "connected", "generating"]
            assert events.states.count("reconnecting") == 1
            assert [one["success"] for one in diagnostics(events, "ice_restart")][-1]
            assert events.errors == []
            # Whoever watched goes on watching.
            seen = await viewer.recv(timeout=20)
            while difference(seen, after) > 6:
                seen = await viewer.recv(timeout=20)
            assert viewer.stats().reconnects == 0


@pytest.mark.parametrize("flow", ["all", "wait"])
async def test_frames_are_accounted_for_across_an_outage(server, client, record, picture, flow):
    async with client.realtime.connect(model="mirage_v2", flow=flow, timeout=20) as session:
        events = record(session)
        assert (await session.transform(picture())).input_id == 0
        with server.faults.blackout():
            session.send(picture())
            await events.until(lambda seen: "reconnecting" in seen.states, timeout=40)
            with pytest.raises(ph.QueueFullError):
                session.send(picture())
        await back(events)
        await asyncio.wait_for(session.drain(), 20)
        newest = session.send(picture())
        while (frame := await session.recv(timeout=20)).input_id != newest:
            assert frame.input_id < newest
        assert session.stats().frames_under_way == 0


async def test_a_service_that_cannot_restart_ice_gets_a_new_session(server, relay, record, picture):
    answers = 0

    def change(message):
        nonlocal answers
        answers += message["type"] == "answer"
        # Of a link that there is already, it wants to hear no more.
        return [] if message["type"] == "answer" and answers == 2 else [message]

    async with relay(change) as (url, key):
        client = ph.Client(key, base_url=url)
        async with client.realtime.connect(model="mirage_v2") as session:
            events, name = record(session), session.session_id
            await session.set_prompt("noir")
            with server.faults.blackout(session_id=name):
                await back(events)
            assert session.session_id != name
            assert not diagnostics(events, "ice_restart")[-1]["success"]
            stats = session.stats()
            assert (stats.ice_restarts, stats.reconnects) == (0, 1)
            frame = (await session.transform(picture())).data
            assert abs(frame[..., 0].astype(int) - frame[..., 2]).mean() < 2


async def test_only_the_newest_state_is_seen_after_a_return(record, picture):
    first = ph.LocalServer(api_key=KEY)
    coloured(first)
    await first.start()
    port = int(first.url.rsplit(":", 1)[1])
    client = ph.Client(KEY, base_url=first.url)
    model = ph.ModelDefinition("coloured", fps=30, width=320, height=240)
    state = ph.InitialState(ph.Prompt("50"))
    connecting = client.realtime.connect(model=model, initial_state=state, flow="all")
    async with connecting as session, flowing(session, picture):
        events = record(session)
        assert abs(shade(await session.recv()) - 50) < 8
        await session.set_prompt("100")
        await first.close()
        await events.until(lambda seen: "reconnecting" in seen.states)
        # Asked for while there is nobody to hear it.
        newest = asyncio.ensure_future(session.set_prompt("200", timeout=60))
        async with _started(port) as second:
            began = time.monotonic()
            shades: list[int] = []
            while not any(abs(one - 200) < 8 for one in shades):
                shades.append(shade(await session.recv(timeout=20)))
            took = time.monotonic() - began
            await newest
            shades += [shade(await session.recv(timeout=20)) for _ in range(20)]
            assert second.active_sessions == 1
            await session.disconnect()
    # What had come before the loss is read first; then nothing but the newest is.
    turn = next(index for index, one in enumerate(shades) if abs(one - 200) < 8)
    assert all(abs(one - 50) < 8 or abs(one - 100) < 8 for one in shades[:turn]), shades
    assert all(abs(one - 200) < 8 for one in shades[turn:]), shades
    assert took < 10, "two seconds on a machine that has the time"


@contextlib.asynccontextmanager
async def _started(port: int, **options):
    server = ph.LocalServer(port=port, api_key=KEY, **options)
    coloured(server)
    async with server:
        yield server


async def test_a_service_that_returns_without_the_model_ends_the_session(record):
    first = ph.LocalServer(api_key=KEY)
    coloured(first)
    await first.start()
    port = int(first.url.rsplit(":", 1)[1])
    client = ph.Client(KEY, base_url=first.url)
    model = ph.ModelDefinition("coloured", fps=30, width=320, height=240)
    session = await client.realtime.connect(model=model)
    events = record(session)
    await first.close()
    await events.until(lambda seen: "reconnecting" in seen.states)
    async with ph.LocalServer(port=port, api_key=KEY):
        await events.until("disconnected")
    (error,) = events.errors
    assert isinstance(error, ph.ModelNotFoundError)
    assert "reconnect" in str(error)
    assert not error.retryable


async def test_a_service_that_is_full_when_the_client_returns_is_waited_for(record, picture):
    first = ph.LocalServer(api_key=KEY)
    await first.start()
    port = int(first.url.rsplit(":", 1)[1])
    client = ph.Client(KEY, base_url=first.url)
    quick = ph.RetryPolicy(min_delay=3.0, jitter=0.0)
    async with client.realtime.connect(model="mirage_v2", retry=quick) as session:
        events = record(session)
        await session.set_prompt("thermal")
        await first.close()
        await events.until(lambda seen: "reconnecting" in seen.states)
        async with ph.LocalServer(port=port, api_key=KEY, max_sessions=1):
            holder = await client.realtime.connect(model="mirage_v2")
            await events.until(lambda seen: seen.of("queue_position"), timeout=40)
            await session.set_prompt("noir")
            await holder.disconnect()
            await back(events)
            frame = (await session.transform(picture())).data
            assert abs(frame[..., 0].astype(int) - frame[..., 2]).mean() < 2
            await session.disconnect()
    assert events.errors == []


@pytest.mark.parametrize("end", ["exhaust_credits", "moderate", "time_out", "expire_key"])
async def test_an_ending_for_good_is_one_error_and_the_end(server, client, record, picture, end):
    session = await client.realtime.connect(model="mirage_v2", audio=True)
    events = record(session)
    if end == "expire_key":
        server.faults.expire_key(end_sessions=True)
    else:
        getattr(server.faults, end)()
    await events.until("disconnected")
    (error,) = events.errors
    assert not error.retryable
    assert error.code in ("SESSION_ENDED", "INVALID_API_KEY")
    assert events.states[-1] == "disconnected"
    assert "reconnecting" not in events.states
    # Whoever goes on hears why.
    sound = np.zeros(480, np.int16)
    for call in (lambda: session.send(picture()), lambda: session.send_audio(sound)):
        with pytest.raises(ph.InvalidStateError) as caught:
            call()
        assert caught.value.__cause__ is error
    for call in (session.set_prompt("noir"), session.recv(), session.drain()):
        with pytest.raises(ph.ParhelionError) as caught:
            await call
        assert caught.value.__cause__ is error
    await session.disconnect()


def _process_on(session, frame):
    for _ in range(1000):
        session.process(frame)
        time.sleep(0.01)


def test_the_blocking_calls_say_what_ended_the_session(picture):
    with ph.sync.LocalServer() as server:
        client = ph.sync.Client(server.api_key, base_url=server.url)
        with client.realtime.connect(model="mirage_v2") as session:
            assert session.process(picture()).shape == (240, 320, 3)
            server.faults.moderate()
            with pytest.raises(ph.InvalidStateError) as caught:
                _process_on(session, picture())
            assert isinstance(caught.value.__cause__, ph.SessionEndedError)
            with pytest.raises(ph.DisconnectedError) as caught:
                session.recv()
            assert isinstance(caught.value.__cause__, ph.SessionEndedError)
        with client.realtime.connect(model="mirage_v2") as session:
            session.disconnect()
            with pytest.raises(ph.InvalidStateError) as caught:
                session.send(picture())
            assert caught.value.__cause__ is None, "its user knows"


async def test_a_network_without_udp_is_named(server, client):
    with server.faults.blackout(), pytest.raises(ph.ConnectTimeoutError) as caught:
        await client.realtime.connect(model="mirage_v2", timeout=2)
    assert "at the ice step" in str(caught.value)
    assert "UDP" in caught.value.hint
    assert "ice_servers=" in caught.value.hint


async def test_limits_of_coming_back_are_the_users(record):
    server = ph.LocalServer()
    await server.start()
    client = ph.Client(server.api_key, base_url=server.url)
    retry = ph.RetryPolicy(attempts=3, min_delay=0.05, max_delay=0.1, jitter=0.0)
    session = await client.realtime.connect(model="mirage_v2", retry=retry)
    events = record(session)
    await server.close()
    await events.until("disconnected")
    (error,) = events.errors
    assert "and 4 attempts" in str(error)
    tries = diagnostics(events, "reconnect")
    assert [one["attempt"] for one in tries] == [1, 2, 3, 4]
    assert all(one["max_attempts"] == 4 and not one["success"] for one in tries)
    assert json.dumps(tries)
    await session.disconnect()
