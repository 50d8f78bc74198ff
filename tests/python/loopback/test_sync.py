"""The blocking face, over a real session."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import parhelion as ph
from parhelion import sync

SMALL = ph.ModelDefinition("mine", 25, 64, 48)


@pytest.fixture
def service():
    with sync.LocalServer() as server:
        yield server


@pytest.fixture
def blocking(service):
    client = sync.Client(service.api_key, base_url=service.url)
    with client.realtime.connect(model="mirage_v2", timeout=20) as session:
        yield session


@pytest.fixture
def seen():
    """A queue to wait for what handlers are called with."""
    return queue.Queue()


def in_handler(session, call):
    """What a call raises, or returns, on the thread of the handlers."""
    results = queue.Queue()

    def handler(*_):
        try:
            results.put(call())
        except Exception as error:  # noqa: BLE001 - it is what is asked for
            results.put(error)

    session.once("diagnostic", handler)  # there has been one: it is called at once
    return results.get(timeout=20)


def test_one_frame_there_and_back(blocking, picture, difference):
    frame = blocking.transform(picture(), timeout=20)
    assert frame.input_id == 0
    assert difference(frame, picture()) < 3
    blocking.set_prompt("noir")
    grey = np.asarray(blocking.transform(picture(), timeout=20)).astype(int)
    assert np.abs(grey[..., 0] - grey[..., 2]).mean() < 20
    assert blocking.get_connection_state() == "generating"
    assert blocking.is_connected()
    assert blocking.session_id in repr(blocking)
    assert blocking.stats().frames_received >= 2


def test_a_session_in_one_call_has_a_service_of_its_own(picture, left_behind, monkeypatch):
    monkeypatch.setenv("DECART_API_KEY", "of an account that must not be used")
    _, sockets = left_behind()
    with sync.connect("mirage_v2", prompt="noir", format="bgr24", timeout=20) as session:
        frame = session.transform(picture(), timeout=20)
        assert frame.format == "bgr24"
        grey = np.asarray(frame).astype(int)
        assert np.abs(grey[..., 0] - grey[..., 2]).mean() < 20
    assert session.get_connection_state() == "disconnected"
    deadline = time.monotonic() + 5
    while left_behind()[1] - sockets and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left_behind()[1] - sockets


def test_a_session_in_one_call_with_a_service_elsewhere(service, picture):
    with sync.connect(
        "mirage_v2", api_key=service.api_key, base_url=service.url, timeout=20
    ) as session:
        assert session.transform(picture(), timeout=20).shape == (240, 320, 3)
        assert service.active_sessions == 1
    with pytest.raises(ph.InvalidApiKeyError):
        sync.connect("mirage_v2", api_key="wrong", base_url=service.url)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"model": "nonsense"}, ph.ModelNotFoundError),
        ({"format": "yuv"}, ph.InvalidInputError),
        ({"max_bitrate": 7}, ph.InvalidOptionsError),
        ({"prompt": " "}, ph.InvalidInputError),
        ({"on_remote_stream": 7}, ph.InvalidInputError),
    ],
)
def test_a_session_that_cannot_be_opened_leaves_no_service(options, error):
    with pytest.raises(error):
        sync.connect(**{"model": "mirage_v2", **options})


def test_frames_at_their_own_pace(blocking, picture):
    def send():
        for number in range(20):
            blocking.send(picture(64, 48), timestamp=float(number))
            time.sleep(0.01)  # what a camera does
        blocking.transform(picture(64, 48), timeout=20)
        blocking.disconnect()

    with ThreadPoolExecutor() as pool:
        sent = pool.submit(send)
        frames = list(blocking.frames())
        sent.result()
    ids = [frame.input_id for frame in frames]
    assert len(ids) >= 2
    assert ids == sorted(set(ids))
    assert all(frame.timestamp in (None, float(frame.input_id)) for frame in frames)


def test_a_capture_loop_never_waits_for_the_model(service, picture):
    """Only for its first picture; then it gets the newest there is, however slow the model is."""
    go = threading.Event()
    go.set()
    inside = queue.Queue()

    @service.model("mine", width=64, height=48)
    def mine(frame, context):
        inside.put(context.index)
        assert go.wait(20)
        return frame

    client = sync.Client(service.api_key, base_url=service.url)
    with client.realtime.connect(model=SMALL, timeout=20) as session:
        first = session.process(picture(64, 48), timeout=20)
        assert type(first) is np.ndarray  # OpenCV takes nothing else
        assert first.shape == (48, 64, 3)
        while not inside.empty():
            inside.get()
        go.clear()
        session.process(picture(64, 48), timeout=20)
        inside.get(timeout=20)
        waiting = session.process(picture(64, 48))
        for shade in range(50):  # the model is at work all the time
            assert session.process(picture(64, 48, shade)) is waiting
        go.set()
        deadline = time.monotonic() + 20
        while np.asarray(session.process(picture(64, 48, 80))).mean() < first.mean() + 40:
            assert time.monotonic() < deadline


def test_a_capture_loop_gets_what_a_handler_takes(blocking, picture, seen):
    blocking.on("frame", seen.put)
    blocking.process(picture(64, 48), timeout=20)
    assert seen.get(timeout=20).shape == (48, 64, 3)
    bright, deadline = picture(64, 48, 100), time.monotonic() + 20
    while blocking.process(bright).mean() < bright.mean() - 10:
        time.sleep(0.005)
        assert time.monotonic() < deadline


def test_recv_may_time_out(blocking, picture):
    began = time.monotonic()
    for timeout in (0, 0.01, 0.2):
        with pytest.raises(ph.ConnectTimeoutError, match=f"within {timeout} s"):
            blocking.recv(timeout=timeout)
    assert 0.2 < time.monotonic() - began < 10
    sent = blocking.send(picture())
    assert blocking.recv(timeout=20).input_id == sent


def test_who_waits_is_told_when_the_session_ends(blocking):
    waiting = threading.Barrier(4)

    def wait(call):
        waiting.wait(20)
        with pytest.raises(ph.DisconnectedError) as caught:
            call()
        return caught.value

    with ThreadPoolExecutor() as pool:
        calls = [blocking.recv, lambda: blocking.recv(timeout=20), blocking.remote_stream.recv]
        results = [pool.submit(wait, call) for call in calls]
        waiting.wait(20)
        blocking.disconnect()
        for result in results:
            assert result.result(20).operation == "recv"
            assert result.result().__cause__ is None


def test_a_loop_over_frames_raises_what_ended_the_session(service, blocking):
    with ThreadPoolExecutor() as pool:
        frames = pool.submit(lambda: list(blocking.frames()))
        assert service.end_session(blocking.session_id, "insufficient_credits")
        error = frames.exception(20)
    assert isinstance(error, ph.SessionEndedError)
    assert "insufficient_credits" in str(error)
    with pytest.raises(ph.SessionEndedError):
        list(blocking.frames())


def test_what_a_model_fails_on_is_told(service, picture):
    @service.model("mine", width=64, height=48)
    def mine(frame, context):
        raise ValueError("no such colour")

    client = sync.Client(service.api_key, base_url=service.url)
    with client.realtime.connect(model=SMALL, timeout=20) as session:
        for call in (session.transform, session.process):
            with pytest.raises(ph.ModelFailedError, match="no such colour"):
                call(picture(64, 48), timeout=20)


def test_a_loop_over_frames_ends_with_its_source(service, picture):
    client = sync.Client(service.api_key, base_url=service.url)
    pictures = [picture(64, 48, shade) for shade in range(5)]
    with client.realtime.connect(pictures, model="mirage_v2", timeout=20) as session:
        frames = list(session.frames())
        assert frames[-1].input_id == 4
        with pytest.raises(ph.InvalidStateError, match="has ended"):
            session.recv(timeout=20)
        # The session goes on.
        assert session.transform(picture(64, 48), timeout=20).input_id == 5


def test_a_source_that_fails_is_told(service, picture):
    def broken():
        yield picture(64, 48)
        raise OSError("the camera was unplugged")

    client = sync.Client(service.api_key, base_url=service.url)
    session = client.realtime.connect(broken(), model="mirage_v2", timeout=20)
    with session, pytest.raises(ph.SourceError, match="unplugged"):
        list(session.frames())


def test_a_source_may_call_the_session_it_feeds(service, picture):
    """It runs on a thread of its own."""
    opened = queue.Queue()

    def source():
        yield opened.get(timeout=20).transform(picture(64, 48), timeout=20)

    client = sync.Client(service.api_key, base_url=service.url)
    with client.realtime.connect(source(), model="mirage_v2", timeout=20) as session:
        opened.put(session)
        assert [frame.shape for frame in session.frames()][-1] == (48, 64, 3)


def test_many_threads_at_once(blocking, picture):
    """Each frame goes to one reader; whoever transforms gets the answer to its own."""
    done = threading.Event()

    def read():
        ids = []
        while not done.is_set():
            try:
                ids.append(blocking.recv(timeout=0.05).input_id)
            except TimeoutError:
                continue
        return ids

    with ThreadPoolExecutor(10) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        senders = [pool.submit(blocking.send, picture(64, 48)) for _ in range(20)]
        answers = [pool.submit(blocking.transform, picture(64, 48), timeout=20) for _ in range(3)]
        prompts = [pool.submit(blocking.set_prompt, text) for text in ("noir", "comic", "oil")]
        frames = [answer.result() for answer in answers]
        for prompt in prompts:
            prompt.result()
        done.set()
        read_ids = [input_id for reader in readers for input_id in reader.result()]
        sent = [sender.result() for sender in senders]
    assert len(set(sent)) == 20
    assert len({frame.input_id for frame in frames}) == 3
    assert len(read_ids) == len(set(read_ids))


def test_the_remote_stream_is_one_object(service, picture):
    given = queue.Queue()
    client = sync.Client(service.api_key, base_url=service.url)
    with client.realtime.connect(
        model="mirage_v2", on_remote_stream=given.put, timeout=20
    ) as session:
        stream = given.get(timeout=20)
        assert stream is session.remote_stream
        sent = session.send(picture())
        assert stream.recv(timeout=20).input_id == sent


def test_handlers_that_are_registered_first_hear_everything(blocking, seen):
    blocking.once("connection_change", lambda state: seen.put(("once", state)))
    for name in ("diagnostic", "connectionChange"):
        blocking.on(name, lambda *payload, name=name: seen.put((name, *payload)))
    blocking.disconnect()
    events = [seen.get(timeout=20)]
    while events[-1] != ("connectionChange", "disconnected"):
        events.append(seen.get(timeout=20))
    states = [event[1] for event in events if event[0] == "connectionChange"]
    assert states[:2] == ["connecting", "connected"]
    assert [event for event in events if event[0] == "once"] == [("once", "connecting")]
    phases = [event[2]["phase"] for event in events if event[0] == "diagnostic"]
    assert phases == ["websocket", "initial-prompt", "webrtc-handshake", "total"]


def test_handlers_that_come_late_hear_what_happens_then(blocking, picture, seen):
    blocking.transform(picture(), timeout=20)
    blocking.on("connection_change", seen.put)
    blocking.disconnect()
    assert seen.get(timeout=20) == "disconnected"
    assert seen.empty()


def test_a_handler_that_is_removed_is_not_called(blocking, picture, seen):
    other = queue.Queue()
    blocking.on("frame", seen.put)
    blocking.on("frame", other.put)
    blocking.off("frame", seen.put)
    blocking.transform(picture(), timeout=20)
    assert other.get(timeout=20).shape == (240, 320, 3)
    assert seen.empty()


def test_handlers_run_on_one_thread_of_their_own(blocking, picture, seen):
    async def later(frame):
        seen.put(threading.current_thread())

    blocking.on("frame", lambda frame: seen.put(threading.current_thread()))
    blocking.on("frame", later)
    blocking.transform(picture(), timeout=20)
    threads = {seen.get(timeout=20), seen.get(timeout=20)}
    assert {thread.name for thread in threads} == {"parhelion-sync"}
    assert len(threads) == 1


def test_a_handler_and_a_reader_both_get_the_frame(blocking, picture, seen):
    blocking.on("frame", seen.put)
    with ThreadPoolExecutor() as pool:
        reader = pool.submit(blocking.recv, timeout=20)
        while not blocking._inbox._threads:
            time.sleep(0.001)
        sent = blocking.send(picture())
        assert reader.result().input_id == sent
    assert seen.get(timeout=20).input_id == sent


@pytest.mark.parametrize("raised", [RuntimeError("the handler is broken"), SystemExit(3)])
@pytest.mark.parametrize("is_coroutine", [False, True])
def test_a_handler_that_raises_harms_nobody(blocking, picture, seen, caplog, raised, is_coroutine):
    def bad(frame):
        raise raised

    async def worse(frame):
        raise raised

    blocking.on("frame", worse if is_coroutine else bad)
    blocking.on("frame", seen.put)
    for _ in range(2):
        blocking.transform(picture(64, 48), timeout=20)
        seen.get(timeout=20)
    blocking.set_prompt("noir")
    assert "a handler of 'frame' raised" in caplog.text
    caplog.clear()  # the traceback holds the session


def test_a_handler_may_do_all_that_does_not_wait(blocking, picture):
    sent = in_handler(blocking, lambda: blocking.send(picture()))
    assert sent == 0
    assert blocking.recv(timeout=20).input_id == sent


@pytest.mark.parametrize(
    "call",
    [
        lambda session: session.recv(),
        lambda session: session.recv(timeout=0),
        lambda session: next(session.frames()),
        lambda session: session.transform(np.zeros((48, 64, 3), np.uint8)),
        lambda session: session.process(np.zeros((48, 64, 3), np.uint8)),
        lambda session: session.set_prompt("noir"),
        lambda session: session.set(image=None),
        lambda session: session.set_image(None),
        lambda session: session.drain(),
        lambda session: session.play_audio(b"RIFF"),
        lambda session: session.remote_stream.recv_audio(),
        lambda session: sync.connect("mirage_v2"),
        lambda session: sync.Client("key").realtime.connect(model="mirage_v2"),
        lambda session: sync.Client("key").realtime.subscribe("token"),
        lambda session: sync.Client("key").tokens.create(),
    ],
)
def test_a_handler_that_would_wait_for_itself_is_told(blocking, picture, call):
    error = in_handler(blocking, lambda: call(blocking))
    assert isinstance(error, ph.InvalidStateError)
    assert "handler" in str(error)
    assert "another thread" in error.hint
    assert blocking.transform(picture(), timeout=20).shape == (240, 320, 3)


def test_disconnect_in_a_handler(blocking, seen):
    blocking.on("connection_change", seen.put)
    assert in_handler(blocking, blocking.disconnect) is None
    assert blocking.get_connection_state() == "disconnected"
    with pytest.raises(ph.DisconnectedError) as caught:
        blocking.recv(timeout=20)
    assert caught.value.__cause__ is None
    states = [seen.get(timeout=20)]
    while states[-1] != "disconnected":
        states.append(seen.get(timeout=20))


def test_a_handler_that_blocks_keeps_answers_waiting_but_no_frames(blocking, picture):
    entered, leave = threading.Event(), threading.Event()

    def stuck(name, data):
        entered.set()
        leave.wait(20)

    blocking.once("diagnostic", stuck)
    assert entered.wait(20)
    try:
        sent = blocking.send(picture())
        assert blocking.recv(timeout=20).input_id == sent
        with pytest.raises(ph.ConnectTimeoutError) as caught:
            blocking.set_prompt("noir", timeout=0.01)
        assert "a handler blocks" in str(caught.value)
        assert caught.value.operation == "set_prompt"
        began = time.monotonic()
        blocking.disconnect()
        assert time.monotonic() - began < 2
        assert blocking.get_connection_state() == "disconnected"
    finally:
        leave.set()


async def test_it_works_where_a_loop_runs(picture):
    """As in a notebook. The loop stands still meanwhile, as with any call that waits."""
    with sync.connect("mirage_v2", timeout=20) as session:
        assert session.transform(picture(), timeout=20).shape == (240, 320, 3)
        assert await asyncio.to_thread(session.transform, picture(), timeout=20)
    assert asyncio.get_running_loop().is_running()


async def test_both_faces_at_once(server, session, picture):
    client = sync.Client(server.api_key, base_url=server.url)

    def use():
        with client.realtime.connect(model="mirage_v2", timeout=20) as other:
            return other.transform(picture(64, 48), timeout=20)

    frames = await asyncio.gather(asyncio.to_thread(use), session.transform(picture()))
    assert [frame.shape for frame in frames] == [(48, 64, 3), (240, 320, 3)]


def test_disconnect_any_number_of_times_and_from_many_threads(blocking, seen):
    blocking.on("connection_change", seen.put)
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(blocking.disconnect) for _ in range(5)]:
            done.result(20)
    blocking.disconnect()
    states = [seen.get(timeout=20)]
    while states[-1] != "disconnected":
        states.append(seen.get(timeout=20))
    assert seen.empty()


def test_a_session_that_nobody_holds_ends(service):
    session = sync.Client(service.api_key, base_url=service.url).realtime.connect(
        model="mirage_v2", timeout=20
    )
    assert service.active_sessions == 1
    del session
    deadline = time.monotonic() + 10
    while service.active_sessions:
        time.sleep(0.01)
        assert time.monotonic() < deadline


def test_the_service_may_be_started_and_closed_by_hand(picture):
    server = sync.LocalServer()
    server.start()
    with pytest.raises(ph.InvalidStateError, match="runs already"):
        server.start()
    client = sync.create_client(server.api_key, base_url=server.url)
    with client.realtime.connect(model="mirage_v2", timeout=20) as session:
        session.transform(picture(), timeout=20)
    server.close()
    server.close()
    with pytest.raises(ph.InvalidStateError, match="not running"):
        _ = server.url


def test_sending_waits_for_room_where_nothing_may_be_lost(service, picture):
    client = sync.Client(service.api_key, base_url=service.url)
    with client.realtime.connect(model="mirage_v2", flow="wait", timeout=20) as session:
        assert isinstance(in_handler(session, session.drain), ph.InvalidStateError)
        refused = in_handler(session, lambda: [session.send(picture(64, 48)) for _ in range(3)])
        assert isinstance(refused, ph.QueueFullError)
        assert [session.recv(timeout=20).input_id for _ in range(2)] == [0, 1]
        session.drain()
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(lambda: [session.recv(timeout=20).input_id for _ in range(40)])
            assert [session.send(picture(64, 48)) for _ in range(40)] == list(range(2, 42))
            assert reading.result(20) == list(range(2, 42))
        for _ in range(10):
            session.process(picture(64, 48), timeout=20)
    with pytest.raises(ph.DisconnectedError):
        session.drain()


def test_sending_refuses_where_nothing_may_be_dropped(service, picture):
    client = sync.Client(service.api_key, base_url=service.url)
    flow = ph.Flow(send="all", send_limit=1)
    with client.realtime.connect(model="mirage_v2", flow=flow, timeout=20) as session:
        sent, refused = picture(1280, 720), 0
        for _ in range(20):
            try:
                session.send(sent)
            except ph.QueueFullError:
                refused += 1
                session.drain()
        assert refused
