"""Every kind of stream through a real session: what comes back, and how it ends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
from typing import Any

import numpy as np
import pytest

import parhelion as ph

FAST = 200.0
CLOSE = 3.0


@pytest.fixture(autouse=True)
def _no_source_left():
    yield
    for thread in threading.enumerate():
        if thread.name == "parhelion-source":
            thread.join(5)
            assert not thread.is_alive()


@pytest.fixture
def pictures(picture):
    """Ten pictures of growing brightness."""
    return [picture(64, 48, shade) for shade in range(0, 50, 5)]


def generator(items):
    yield from items


async def async_generator(items):
    for item in items:
        yield item


async def read_all(session, received):
    """Adds what comes until there is no more, or an error."""
    async for frame in session.frames():
        received.append(frame.input_id)


KINDS = {
    "a list": lambda pictures: pictures,
    "a generator": generator,
    "an async generator": async_generator,
    "a stack": np.stack,
    "frames": lambda pictures: [ph.Frame(one[..., ::-1], format="bgr24") for one in pictures],
    "media": lambda pictures: ph.Media(video=pictures),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_sent_comes_back_and_then_the_loop_ends(client, pictures, difference, kind):
    async with client.realtime.connect(
        KINDS[kind](pictures), model="mirage_v2", fps=FAST
    ) as session:
        received = [frame async for frame in session.frames()]
        assert session.is_connected(), "the end of a stream is no end of the session"
        assert session.stats().frames_sent == len(pictures)
        ids = [frame.input_id for frame in received]
        assert ids
        assert ids == sorted(set(ids))
        for frame in received:
            assert difference(frame, pictures[frame.input_id]) < CLOSE


async def test_after_the_end_the_session_is_as_one_without_a_stream(client, pictures):
    async with client.realtime.connect(pictures, model="mirage_v2", fps=FAST) as session:
        assert [frame async for frame in session.frames()]
        assert [frame async for frame in session.frames()] == []
        with pytest.raises(ph.InvalidStateError, match=r"stream given to connect.* has ended"):
            await session.recv()
        input_id = session.send(pictures[0])
        assert (await session.recv()).input_id == input_id
        with pytest.raises(ph.InvalidStateError, match="ended"):
            await session.recv()
        await session.set_prompt("noir")
        assert (await session.transform(pictures[0])).input_id > input_id


async def test_an_empty_stream_ends_at_once(client, picture):
    async with client.realtime.connect([], model="mirage_v2") as session:
        assert [frame async for frame in session.frames()] == []
        assert (await session.transform(picture())).input_id == 0


# Files and captures ------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["rgb24", "bgr24"])
async def test_a_capture_of_opencv_keeps_its_colours(client, clip, difference, format):
    cv2 = pytest.importorskip("cv2")
    reference = cv2.VideoCapture(str(clip))
    originals = [reference.read()[1] for _ in range(120)]
    capture = cv2.VideoCapture(str(clip))
    async with client.realtime.connect(
        capture, model="mirage_v2", format=format, fps=FAST
    ) as session:
        received = [frame async for frame in session.frames()]
        assert session.stats().frames_sent == 120
    assert received
    for frame in received:
        assert frame.shape == (144, 176, 3)
        original = originals[frame.input_id]
        assert difference(frame.to("bgr24"), original) < difference(frame.to("rgb24"), original)
        assert frame.timestamp == pytest.approx(frame.input_id / 29.97, abs=0.002)
    assert capture.isOpened(), "what the user opened stays open"
    capture.release()


@pytest.mark.parametrize("decoder", ["cv2", "av"])
async def test_a_path_is_decoded_by_whichever_library_there_is(client, clip, monkeypatch, decoder):
    pytest.importorskip(decoder)
    monkeypatch.setitem(sys.modules, {"cv2": "av", "av": "cv2"}[decoder], None)
    state = ph.InitialState(prompt=ph.Prompt("anime"))
    async with client.realtime.connect(
        clip, model="mirage_v2", initial_state=state, fps=FAST
    ) as session:
        received = [frame async for frame in session.frames()]
        assert session.stats().frames_sent == 120
    assert received
    assert {frame.shape for frame in received} == {(144, 176, 3)}


async def test_a_file_goes_at_its_own_rate(client, clip):
    loop = asyncio.get_running_loop()
    async with client.realtime.connect(clip, model="mirage_v2") as session:
        began = loop.time()
        async for frame in session.frames():
            if frame.timestamp >= 1:
                break
        assert loop.time() - began > 0.8


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        ("/no/such/film.mp4", "No such file"),
        (__file__, "cannot be opened"),
        ("http://127.0.0.1:9/film.mp4", "cannot be opened"),
        (99, "camera 99"),
    ],
)
async def test_what_cannot_be_opened_is_said_before_the_service_is_asked(
    fake_service, stream, says
):
    pytest.importorskip("cv2")

    async def behave(peer):
        await peer.wait_closed()

    async with fake_service(behave) as service:
        client = ph.Client("key", base_url=service.url)
        with pytest.raises(ph.SourceError, match=says) as caught:
            await client.realtime.connect(stream, model="mirage_v2")
        assert caught.value.operation == "connect"
        assert service.connections == 0


async def test_a_service_that_refuses_leaves_the_stream_alone(server, pictures):
    taken = []

    def items():
        for item in pictures:
            taken.append(item)
            yield item

    stream = items()
    client = ph.Client("not the key", base_url=server.url)
    with pytest.raises(ph.InvalidApiKeyError):
        await client.realtime.connect(stream, model="mirage_v2", attempts=0)
    assert taken == []
    assert next(stream) is pictures[0], "it can be given to the next session"


# Sources that fail -------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [generator, async_generator])
async def test_a_source_that_raises_is_told_of_and_nothing_else_is_lost(
    client, record, pictures, make
):
    cause = RuntimeError("no more film")

    def items():
        yield from pictures[:4]
        raise cause

    state = ph.InitialState(prompt=ph.Prompt("noir"))
    async with client.realtime.connect(
        make(items()), model="mirage_v2", initial_state=state, fps=FAST
    ) as session:
        events = record(session)
        received = []
        with pytest.raises(ph.SourceError, match="no more film") as caught:
            await read_all(session, received)
        assert caught.value.__cause__ is cause
        assert caught.value.code == "SOURCE_FAILED"
        assert received
        await events.until(lambda seen: seen.of("error"))
        assert events.of("error") == [caught.value]
        assert session.stats().frames_sent == 4
        with pytest.raises(ph.SourceError):
            await session.recv()
        # The session and its prompt are what they were.
        assert session.is_connected()
        frame = await session.transform(pictures[0])
        assert abs(frame.data[..., 0].astype(int) - frame.data[..., 2]).mean() < CLOSE
    assert "disconnected" not in events.states[:-1]


async def test_a_wrong_picture_in_the_middle_is_named_by_its_number(client, pictures):
    stream = [*pictures[:3], np.zeros((48, 64, 5), np.uint8), *pictures[3:]]
    async with client.realtime.connect(stream, model="mirage_v2", fps=FAST) as session:
        with pytest.raises(ph.SourceError, match=r"item 3 of the list.*\(48, 64, 5\)") as caught:
            await read_all(session, [])
        assert isinstance(caught.value.__cause__, ph.InvalidInputError)
        assert session.stats().frames_sent == 3
        assert (await session.transform(pictures[0])).shape == (48, 64, 3)


# Sources with a will of their own ----------------------------------------------------------------


async def test_a_source_may_change_its_size(client, picture):
    sizes = [(64, 48), (128, 96), (96, 128), (65, 49), (64, 48)]

    async def items():
        for width, height in sizes:
            for _ in range(5):
                yield picture(width, height)
            await came.get()

    came: asyncio.Queue[None] = asyncio.Queue()
    async with client.realtime.connect(items(), model="mirage_v2", fps=FAST) as session:
        shapes = []
        async for frame in session.frames():
            if not shapes or shapes[-1] != frame.shape:
                shapes.append(frame.shape)
                came.put_nowait(None)
    assert shapes == [(height, width, 3) for width, height in sizes]


async def test_a_source_that_is_slower_than_the_model_is_waited_for(client, pictures):
    came: asyncio.Queue[None] = asyncio.Queue()

    async def items():
        for item in pictures:
            yield item
            await came.get()

    async with client.realtime.connect(items(), model="mirage_v2", fps=FAST) as session:
        ids = []
        async for frame in session.frames():
            ids.append(frame.input_id)
            came.put_nowait(None)
    assert ids == list(range(len(pictures)))


async def test_a_source_that_is_faster_than_the_model_loses_frames_and_not_time(
    server, client, picture
):
    seen = threading.Semaphore(0)

    @server.model("slow")
    def slow(frame, context):
        seen.release()
        threading.Event().wait(0.02)
        return frame

    def items():
        for shade in range(60):
            yield picture(64, 48, shade)

    model = ph.ModelDefinition(name="slow", fps=30, width=64, height=48)
    async with client.realtime.connect(items(), model=model, fps=500) as session:
        ids = [frame.input_id async for frame in session.frames()]
        assert session.stats().frames_sent == 60
    assert ids == sorted(set(ids))
    assert 2 <= len(ids) < 60


@pytest.mark.parametrize("kind", ["thread", "loop"])
async def test_a_source_that_blocks_blocks_nothing_else(client, pictures, caplog, kind):
    release = threading.Event()
    waiting = threading.Event()

    def blocking():
        yield pictures[0]
        waiting.set()
        release.wait(30)

    async def never():
        yield pictures[0]
        waiting.set()
        await asyncio.Event().wait()

    stream = blocking() if kind == "thread" else never()
    session = await client.realtime.connect(stream, model="mirage_v2", fps=FAST)
    assert (await session.recv(timeout=20)).input_id == 0
    assert await asyncio.to_thread(waiting.wait, 20)
    with pytest.raises(ph.ConnectTimeoutError):
        await session.recv(timeout=0.01)
    await session.set_prompt("noir")
    assert (await session.transform(pictures[1])).input_id == 1
    began = asyncio.get_running_loop().time()
    await session.disconnect()
    assert asyncio.get_running_loop().time() - began < 5
    assert ("has not returned" in caplog.text) == (kind == "thread")
    release.set()


async def test_a_session_may_be_the_source_of_another(client, pictures, difference):
    async with (
        client.realtime.connect(pictures, model="mirage_v2", fps=FAST) as first,
        client.realtime.connect(first.frames(), model="mirage_v2", fps=1000) as second,
    ):
        received = [frame async for frame in second.frames()]
        assert received
        assert first.is_connected()
    assert {frame.shape for frame in received} == {(48, 64, 3)}


# The end of the session --------------------------------------------------------------------------


def endless(item):
    while True:
        yield item


async def endless_async(item):
    while True:
        yield item


async def next_of(source: Any) -> Any:
    """The next item of a generator of either kind."""
    return await anext(source) if hasattr(source, "__anext__") else next(source)


@pytest.mark.parametrize("make", [endless, endless_async])
async def test_disconnect_leaves_the_stream(client, picture, make):
    source = make(picture())
    session = await client.realtime.connect(source, model="mirage_v2", fps=FAST)
    await session.recv(timeout=20)
    await session.disconnect()
    sent = session.stats().frames_sent
    left = [frame async for frame in session.frames()]
    assert len(left) <= 1, "one may have waited for its reader"
    assert session.stats().frames_sent == sent
    assert await next_of(source) is not None, "it can be given to the next session"


@pytest.mark.parametrize("make", [endless, endless_async])
async def test_a_session_that_the_service_ends_leaves_the_stream(server, client, picture, make):
    source = make(picture())
    session = await client.realtime.connect(source, model="mirage_v2", fps=FAST)
    await session.recv(timeout=20)
    server.end_session(session.session_id, "insufficient_credits")
    with pytest.raises(ph.SessionEndedError):
        await read_all(session, [])
    assert await next_of(source) is not None


async def test_a_stream_left_because_the_session_is_over_has_not_ended(server, session, picture):
    """A thread may see that the session is over before its event reaches the loop."""
    await session.transform(picture())  # so that nothing is on its way
    server.end_session(session.session_id, "insufficient_credits")
    assert session._core.recv(20) is None, "it is over, and the loop has heard of nothing"
    session._source_ended(None)
    with pytest.raises(ph.SessionEndedError):
        await read_all(session, [])


@pytest.mark.parametrize("make", [endless, endless_async])
async def test_a_session_that_nobody_holds_ends_although_it_has_a_stream(
    server, client, picture, make
):
    session = await client.realtime.connect(make(picture()), model="mirage_v2", fps=FAST)
    await session.recv(timeout=20)
    del session

    async def gone() -> None:
        while server.active_sessions:
            await asyncio.to_thread(lambda: None)

    await asyncio.wait_for(gone(), 10)


async def test_a_stream_waits_while_the_session_comes_back(record, picture):
    first = ph.LocalServer(api_key="a key for both")
    await first.start()
    port = int(first.url.rsplit(":", 1)[1])
    client = ph.Client("a key for both", base_url=first.url)
    gate: asyncio.Queue[None] = asyncio.Queue()
    taken = []

    async def items():
        for shade in range(4):
            taken.append(shade)
            yield picture(64, 48, shade)
            await gate.get()

    async with client.realtime.connect(items(), model="mirage_v2", fps=FAST) as session:
        events = record(session)
        assert (await session.recv(timeout=20)).input_id == 0
        await first.close()
        await events.until(lambda seen: "reconnecting" in seen.states)
        for _ in range(4):
            gate.put_nowait(None)
        async with ph.LocalServer(port=port, api_key="a key for both"):
            ids = [frame.input_id async for frame in session.frames()]
            assert ids[-1] == 3
            stats = session.stats()
            assert stats.frames_sent == 4
            assert not [drop for drop in stats.drops if drop.reason == "not_connected"]
            await session.disconnect()


def test_a_program_may_end_in_the_middle_of_a_stream(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import asyncio
            import numpy as np
            import parhelion as ph

            def endless():
                while True:
                    yield np.zeros((480, 640, 3), np.uint8)

            async def main():
                server = ph.LocalServer()
                await server.start()
                client = ph.Client(server.api_key, base_url=server.url)
                session = await client.realtime.connect(endless(), model="mirage_v2", fps=1000)
                await session.recv(timeout=20)
                return server, session

            kept = asyncio.run(main())
            """
        ),
        "utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", program], capture_output=True, text=True, timeout=50
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# Flow --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_with_flow_wait_every_picture_comes_back(client, pictures, kind):
    stream = KINDS[kind](pictures)
    async with client.realtime.connect(stream, model="mirage_v2", flow="wait") as session:
        ids = [frame.input_id async for frame in session.frames()]
    assert ids == list(range(len(pictures)))


async def test_with_flow_wait_no_rate_holds_the_stream_up(client, pictures):
    loop = asyncio.get_running_loop()
    slow = ph.ModelDefinition(name="mirage_v2", fps=0.1, width=64, height=48)
    async with client.realtime.connect(pictures, model=slow, flow="wait") as session:
        began = loop.time()
        assert len([frame async for frame in session.frames()]) == len(pictures)
        assert loop.time() - began < 60, "at the model's rate it would take 90 s"


async def test_a_reader_may_take_longer_than_anybody_waits_for_a_lost_frame(
    client, pictures, monkeypatch
):
    monkeypatch.setattr(ph.streams, "_PATIENCE", 0.02)
    monkeypatch.setattr(ph.streams, "_LONGEST_PATIENCE", 0.02)
    monkeypatch.setattr(ph.streams, "_FIRST_PATIENCE", 0.02)
    ids = []
    async with client.realtime.connect(pictures, model="mirage_v2", flow="wait") as session:
        async for frame in session.frames():
            ids.append(frame.input_id)
            await asyncio.sleep(0.1)
    assert ids == list(range(len(pictures)))


async def test_a_last_picture_that_is_lost_is_not_waited_for_for_ever(
    server, client, record, pictures, monkeypatch
):
    monkeypatch.setattr(ph.streams, "_PATIENCE", 0.3)

    @server.model("weak")
    def weak(frame, context):
        if context.index == 2:
            raise RuntimeError("no more strength")
        return frame

    model = ph.ModelDefinition(name="weak", fps=30, width=64, height=48)
    async with client.realtime.connect(pictures[:3], model=model, flow="wait") as session:
        events = record(session)
        assert [frame.input_id async for frame in session.frames()] == [0, 1]
        assert [error.code for error in events.of("error")] == ["MODEL_FAILED"]
        assert session.is_connected()
