"""Every switch of the service's faults, and what the client makes of it."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

import parhelion as ph

FAST = {"attempts": 0, "timeout": 1.0}


async def refused(client, **options) -> ph.ParhelionError:
    with pytest.raises(ph.ParhelionError) as caught:
        await client.realtime.connect(model="mirage_v2", **{"attempts": 0, **options})
    return caught.value


def since(events, state: str) -> list[str]:
    return events.states[events.states.index(state) :]


# Connections.


async def test_the_next_connection_is_refused_and_the_one_after_is_not(server, client, picture):
    refusal = server.faults.refuse(times=1)
    session = await client.realtime.connect(model="mirage_v2", attempts=1)
    assert refusal.hits == 1
    assert (await session.transform(picture())).input_id == 0
    await session.disconnect()


async def test_all_connections_are_refused_until_it_is_lifted(server, client):
    with server.faults.refuse() as refusal:
        for _ in range(2):
            error = await refused(client)
            assert isinstance(error, ph.AtCapacityError)
            assert error.retryable
            assert "Server at capacity" in str(error)
    assert refusal.hits == 2
    async with client.realtime.connect(model="mirage_v2", attempts=0):
        pass
    assert refusal.hits == 2


async def test_a_refusal_for_good_is_not_tried_again(server, client):
    refusal = server.faults.refuse(error="invalid session: not for you", code=1008)
    error = await refused(client, attempts=5)
    assert isinstance(error, ph.SessionEndedError)
    assert "not for you" in str(error)
    assert refusal.hits == 1


async def test_refusals_come_in_the_order_in_which_they_were_set(server, client):
    server.faults.refuse(error="always")
    server.faults.refuse(times=1, error="first")
    server.faults.refuse(times=1, error="second")
    texts = [str(await refused(client)) for _ in range(4)]
    for text, says in zip(texts, ["first", "second", "always", "always"], strict=True):
        assert says in text


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (503, ph.AtCapacityError, True),
        (429, ph.AtCapacityError, True),
        (500, ph.WebSocketError, True),
        (404, ph.WebSocketError, False),
        (403, ph.InvalidApiKeyError, False),
    ],
)
async def test_a_proxy_refuses(server, client, status, kind, retryable):
    with server.faults.refuse_http(status) as refusal:
        error = await refused(client)
    assert isinstance(error, kind)
    assert str(status) in str(error)
    assert error.retryable is retryable
    assert refusal.hits == 1


@pytest.mark.parametrize(
    ("at", "step"),
    [
        ("handshake", "socket"),
        ("session", "state"),
        ("acknowledgement", "state"),
        ("answer", "answer"),
    ],
)
async def test_a_stall_names_the_step_that_hangs(server, client, at, step):
    with server.faults.stall(at) as stall:
        error = await refused(client, timeout=1.0)
        assert stall.hits == 1
    assert isinstance(error, ph.ConnectTimeoutError)
    assert f"{step} step" in str(error)


@pytest.mark.parametrize("at", ["handshake", "session", "acknowledgement", "answer"])
async def test_what_stalled_goes_on_when_it_is_lifted(server, client, picture, at):
    stall = server.faults.stall(at)
    connecting = asyncio.ensure_future(_open(client, timeout=20))
    await stall.struck()
    assert not connecting.done()
    stall.lift()
    async with await connecting as session:
        assert (await session.transform(picture())).input_id == 0


async def test_a_server_closes_in_the_middle_of_a_stall(client, server):
    server.faults.stall("handshake")
    connecting = asyncio.ensure_future(_open(client, **FAST))
    await asyncio.sleep(0)
    await server.close()
    with pytest.raises(ph.ParhelionError):
        await connecting


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, None])
async def test_a_close_brings_the_session_back_with_its_prompt(
    server, client, record, picture, difference, code
):
    async with client.realtime.connect(model="mirage_v2") as session:
        await session.set_prompt("noir")
        expected = (await session.transform(picture())).data.copy()
        events = record(session)
        assert server.faults.close(code, "for a test") == 1
        await events.until(lambda seen: "generating" in seen.states)
        assert events.states == ["reconnecting", "connected", "generating"]
        assert difference(await session.transform(picture()), expected) < 3
        assert events.of("error") == []


@pytest.mark.parametrize("code", [1008, 1013, 4000])
async def test_a_close_for_good_ends_the_session(server, client, record, code):
    async with client.realtime.connect(model="mirage_v2") as session:
        events = record(session)
        server.faults.close(code, "go away")
        await events.until(lambda seen: "disconnected" in seen.states)
        assert "reconnecting" not in events.states
        (error,) = events.of("error")
        assert "go away" in str(error)


async def test_one_session_of_two_is_closed(server, client, record):
    async with (
        client.realtime.connect(model="mirage_v2") as one,
        client.realtime.connect(model="mirage_v2") as other,
    ):
        assert server.session_ids == sorted([one.session_id, other.session_id])
        events, others = record(one), record(other)
        assert server.faults.close(1011, session_id=one.session_id) == 1
        await events.until(lambda seen: "generating" in seen.states)
        assert "reconnecting" not in others.states
        assert server.faults.close(1011, session_id="nobody") == 0


# Updates.


async def test_a_lost_acknowledgement_is_a_timeout_and_the_session_goes_on(
    server, session, picture, difference
):
    noir = await _in_force(session, picture, "noir")
    await session.set_prompt("anime")
    with server.faults.drop_acknowledgements(times=1) as lost:
        with pytest.raises(ph.ConnectTimeoutError, match="acknowledge"):
            await session.set_prompt("noir", timeout=0.3)
        assert lost.hits == 1
    # The service took it over all the same.
    assert difference(await session.transform(picture()), noir) < 3
    await session.set_prompt("thermal", timeout=10)


async def test_a_late_acknowledgement(server, session):
    with server.faults.delay_acknowledgements(0.3):
        started = asyncio.get_running_loop().time()
        await asyncio.gather(session.set_prompt("noir"), session.set_prompt("anime"))
        assert asyncio.get_running_loop().time() - started >= 0.3
        with pytest.raises(ph.ConnectTimeoutError):
            await session.set_prompt("thermal", timeout=0.05)
        # The late one is not taken for the next.
        await session.set_prompt("vivid", timeout=10)


async def test_a_delay_ends_when_it_is_lifted(server, session):
    delay = server.faults.delay_acknowledgements(3600)
    setting = asyncio.ensure_future(session.set_prompt("noir"))
    await delay.struck()
    assert not setting.done()
    server.faults.reset()
    await setting


async def test_acknowledgements_that_come_twice_confuse_nobody(server, session, picture):
    with server.faults.duplicate_acknowledgements() as twice:
        for prompt in ["noir", "noir", "anime"]:
            await session.set_prompt(prompt)
        await asyncio.gather(*(session.set_prompt("vivid") for _ in range(3)))
        assert twice.hits >= 4
    assert session.is_connected()
    assert (await session.transform(picture())).shape == (240, 320, 3)


# The network.


async def test_packets_are_lost_late_and_out_of_order_and_frames_still_come(
    server, session, picture
):
    with server.faults.packets(
        loss=0.05, delay=0.02, jitter=0.01, reorder=0.02, duplicate=0.02, seed=7
    ) as bad:
        frames = [await session.transform(picture(shade=shade), timeout=20) for shade in range(15)]
        assert min(frame.latency for frame in frames) > 0.04
        to_client = server.faults.packet_counts("to_client")
        to_service = server.faults.packet_counts("to_service")
    assert bad.hits == 0
    for counts in (to_client, to_service):
        assert counts.packets > 30
        assert counts.lost > 0
    await session.transform(picture(), timeout=20)
    assert session.is_connected()


async def test_one_direction_is_slow(server, session, picture):
    with server.faults.packets(delay=0.1, direction="to_client"):
        assert (await session.transform(picture(), timeout=20)).latency > 0.1
    assert server.faults.packet_counts("to_service").lost == 0


async def test_a_rate_that_is_too_small_loses_and_a_wider_one_does_not(server, session):
    noise = np.random.default_rng(7).integers(0, 256, (240, 320, 3), np.uint8)
    with server.faults.packets(rate=50_000, queue=0.1, direction="to_client"):
        sent = 0
        while not server.faults.packet_counts("to_client").overflowed:
            session.send(np.roll(noise, sent, 0))
            sent += 1
            await asyncio.sleep(0.03)
    assert (await session.transform(noise, timeout=20)).shape == noise.shape


async def test_a_black_out_is_noticed_and_the_session_comes_back(
    server, client, record, picture, difference
):
    async with client.realtime.connect(model="mirage_v2") as session:
        expected = await _in_force(session, picture, "noir")
        events = record(session)
        with server.faults.blackout():
            session.send(picture())
            await events.until(lambda seen: "reconnecting" in seen.states, timeout=40)
            assert server.faults.packet_counts("to_service").blacked_out > 0
        await events.until(lambda seen: "generating" in since(seen, "reconnecting"), timeout=40)
        assert difference(await session.transform(picture()), expected) < 4


async def test_a_bad_link_of_one_session_is_not_the_others(server, client, picture):
    async with (
        client.realtime.connect(model="mirage_v2") as bad,
        client.realtime.connect(model="mirage_v2") as good,
    ):
        server.faults.packets(delay=0.2, session_id=bad.session_id)
        late, prompt = await asyncio.gather(bad.transform(picture()), good.transform(picture()))
        assert late.latency > 0.4
        assert prompt.latency < late.latency


async def test_a_bad_link_of_a_viewer_is_not_the_publisher_s(server, client, picture):
    async with (
        client.realtime.connect(model="mirage_v2") as publisher,
        client.realtime.subscribe(publisher.subscribe_token, timeout=20) as viewer,
    ):
        await publisher.transform(picture(), timeout=20)
        server.faults.packets(loss=1.0, session_id=f"{publisher.session_id}/viewers")
        sent = [await publisher.transform(picture(shade=shade), timeout=20) for shade in range(5)]
        assert len(sent) == 5
        assert server.faults.packet_counts("to_client").lost > 0
        server.faults.reset()
        # A key frame is asked for, and the viewer sees again.
        watching = asyncio.ensure_future(viewer.recv(timeout=20))
        while not watching.done():
            await publisher.transform(picture(), timeout=20)
        assert (await watching).shape == (240, 320, 3)


# The model.


async def test_a_frozen_model_goes_on_with_the_newest(server, session, picture):
    with server.faults.freeze_model() as freeze:
        first = session.send(picture())
        await freeze.struck()
        reading = asyncio.ensure_future(session.recv(timeout=20))
        for shade in range(5):
            await asyncio.sleep(0.03)
            newest = session.send(picture(shade=shade))
        assert not reading.done()
    # The one that the model had comes first, unless a newer one has displaced it already.
    frame = await reading
    while frame.input_id < newest:
        assert frame.input_id >= first
        frame = await session.recv(timeout=20)


async def test_a_frozen_model_does_not_keep_a_session_from_ending(server, client, picture):
    session = await client.realtime.connect(model="mirage_v2")
    with server.faults.freeze_model() as freeze:
        session.send(picture())
        await freeze.struck()
        await session.disconnect()
        await server.close()


async def test_a_slow_model_is_late(server, session, picture):
    with server.faults.slow_model(0.2) as slow:
        assert (await session.transform(picture(), timeout=20)).latency > 0.2
        assert slow.hits >= 1
    prompt = await session.transform(picture(), timeout=20)
    assert prompt.input_id == 1


async def test_a_crash_loses_a_frame_and_no_more(server, client, record, picture):
    async with client.realtime.connect(model="mirage_v2") as session:
        events = record(session)
        crash = server.faults.crash_model()
        with pytest.raises(ph.ModelFailedError, match="mirage_v2"):
            await session.transform(picture(), timeout=20)
        assert crash.hits == 1
        assert [error.code for error in events.of("error")] == ["MODEL_FAILED"]
        assert (await session.transform(picture(), timeout=20)).input_id == 1
        assert "reconnecting" not in events.states


async def test_a_crash_of_the_process_brings_the_session_back(
    server, client, record, picture, difference
):
    async with client.realtime.connect(model="mirage_v2") as session:
        expected = await _in_force(session, picture, "noir")
        events = record(session)
        crash = server.faults.crash_model(fatal=True)
        session.send(picture())
        await crash.struck()
        await events.until(lambda seen: "reconnecting" in seen.states)
        await events.until(lambda seen: "generating" in since(seen, "reconnecting"))
        assert "MODEL_FAILED" in [error.code for error in events.of("error")]
        assert difference(await session.transform(picture(), timeout=20), expected) < 3


# The account.


async def test_an_expired_key_ends_what_runs_and_lets_nobody_in(server, client, record):
    async with client.realtime.connect(model="mirage_v2") as session:
        events = record(session)
        expiry = server.faults.expire_key(end_sessions=True)
        assert expiry.sessions == 1
        await events.until(lambda seen: "disconnected" in seen.states)
        (error,) = events.of("error")
        assert isinstance(error, ph.InvalidApiKeyError)
        # At most one look whether it is really so.
        assert expiry.hits <= 1
    error = await refused(client, attempts=5)
    assert isinstance(error, ph.InvalidApiKeyError)
    expiry.lift()
    async with client.realtime.connect(model="mirage_v2"):
        pass


async def test_a_session_outlives_its_key(server, client, record, picture):
    async with client.realtime.connect(model="mirage_v2") as session:
        events = record(session)
        server.faults.expire_key()
        assert (await session.transform(picture())).input_id == 0
        # It ends when it has to show the key again.
        server.faults.close(1011)
        await events.until(lambda seen: "disconnected" in seen.states)
        assert [error.code for error in events.of("error")] == ["INVALID_API_KEY"]


async def test_credits_that_run_out_end_the_session_once(server, client, record):
    async with client.realtime.connect(model="mirage_v2") as session:
        events = record(session)
        broke = server.faults.exhaust_credits()
        await events.until(lambda seen: "disconnected" in seen.states)
        assert events.of("generation_ended") == ["insufficient_credits"]
        (error,) = events.of("error")
        assert isinstance(error, ph.SessionEndedError)
        assert "nsufficient" in str(error)
        assert "reconnecting" not in events.states
        assert broke.hits == 0
        assert broke.sessions == 1
    error = await refused(client, attempts=5)
    assert isinstance(error, ph.SessionEndedError)
    assert broke.hits == 1


@pytest.mark.parametrize(
    ("end", "reason"), [("moderate", "moderation_violation"), ("time_out", "timeout")]
)
async def test_the_other_endings(server, client, record, end, reason):
    async with client.realtime.connect(model="mirage_v2") as session:
        events = record(session)
        assert getattr(server.faults, end)(session_id=session.session_id) == 1
        await events.until(lambda seen: "disconnected" in seen.states)
        assert events.of("generation_ended") == [reason]
        assert [type(error) for error in events.of("error")] == [ph.SessionEndedError]
        assert "reconnecting" not in events.states


# The board.


async def test_the_board_tells_what_is_on_and_what_happened(server, client):
    faults = server.faults
    assert repr(faults) == "<Faults none>"
    faults.packets(loss=0.05, burst=3, delay=0.02, seed=7, direction="to_client")
    faults.refuse(times=2, error="full")
    assert faults.active == [
        'packets(loss=0.05, burst=3, delay=0.02, seed=7, direction="to_client")',
        'refuse("full", code=1013) 2 more times',
    ]
    assert "seed=7" in repr(faults)
    await refused(client)
    assert "1 more times" in repr(faults)
    faults.reset()
    assert faults.active == []
    told = [str(entry) for entry in faults.history]
    assert told[1:3] == ['refuse("full", code=1013) on', 'refuse("full", code=1013) struck']
    assert sorted(told[-2:])[1] == 'refuse("full", code=1013) off'


async def test_a_fault_can_be_waited_for_from_anywhere(server, client):
    with server.faults.refuse() as refusal:
        waiting = threading.Thread(target=refusal.wait)
        waiting.start()
        await refused(client)
        await asyncio.to_thread(waiting.join)
        await refusal.struck()
        with pytest.raises(TimeoutError, match="refuse struck 1 of 5 times"):
            await refusal.struck(5, timeout=0.01)
        with pytest.raises(TimeoutError, match="refuse struck 1 of 5 times"):
            refusal.wait(5, timeout=0.01)
        hopeless = asyncio.ensure_future(refusal.struck(5))
        await asyncio.sleep(0)
    with pytest.raises(ph.InvalidStateError, match="lifted"):
        await hopeless
    assert "off" in repr(refusal)
    refusal.lift()


def test_faults_are_set_before_the_server_runs_and_outlive_it():
    server = ph.LocalServer()
    refusal = server.faults.refuse()
    with server:
        assert server.faults.active
    assert refusal.hits == 0
    assert server.faults.close() == 0
    assert server.faults.exhaust_credits().sessions == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda faults: faults.refuse(0), "times"),
        (lambda faults: faults.refuse(True), "times"),
        (lambda faults: faults.refuse(1.5), "times"),
        (lambda faults: faults.refuse(code=1006), "1006"),
        (lambda faults: faults.close(code=99), "99"),
        (lambda faults: faults.close(reason="x" * 124), "123 bytes"),
        (lambda faults: faults.refuse_http(200), "400 to 599"),
        (lambda faults: faults.stall("nowhere"), "handshake"),
        (lambda faults: faults.delay_acknowledgements(-1), "seconds"),
        (lambda faults: faults.delay_acknowledgements(float("nan")), "seconds"),
        (lambda faults: faults.packets(loss=1.5), "loss"),
        (lambda faults: faults.packets(loss="much"), "loss"),
        (lambda faults: faults.packets(loss=0.9, burst=2), "longer"),
        (lambda faults: faults.packets(burst=0.5), "burst"),
        (lambda faults: faults.packets(jitter=float("inf")), "jitter"),
        (lambda faults: faults.packets(rate=10), "rate"),
        (lambda faults: faults.packets(seed=-1), "seed"),
        (lambda faults: faults.packets(direction="up"), "to_client"),
        (lambda faults: faults.blackout(direction=None), "to_client"),
        (lambda faults: faults.packet_counts("both"), "to_client"),
        (lambda faults: faults.slow_model(1e9), "seconds"),
    ],
)
def test_a_switch_that_makes_no_sense(call, says):
    faults = ph.LocalServer().faults
    with pytest.raises(ph.InvalidInputError, match=says):
        call(faults)
    assert faults.active == []


async def _open(client: ph.Client, **options) -> ph.RealTimeClient:
    return await client.realtime.connect(model="mirage_v2", **{"attempts": 0, **options})


async def _in_force(session, picture, prompt):
    await session.set_prompt(prompt)
    return (await session.transform(picture())).data.copy()
