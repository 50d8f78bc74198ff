"""What brings streams into sessions, against a session that is none."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import numpy as np
import pytest

import parhelion as ph
from parhelion.errors import ParhelionError
from parhelion.sources import halves_of
from parhelion.sources.base import BlockingSource, Picture
from parhelion.sources.feed import Feed
from parhelion.sources.video import VideoLane

FAST = 1000.0
PICTURES = [np.full((2, 2, 3), shade, np.uint8) for shade in range(5)]


class FakeSession:
    """Takes pictures as a session does, and remembers them."""

    def __init__(self, *, room: int = 1_000_000) -> None:
        self.sent: list[int] = []
        self.state = "connected"
        self.room = room
        self.asked_for_room = threading.Event()
        self.has_room = threading.Event()
        self.ended: asyncio.Future[ph.SourceError | None] = (
            asyncio.get_running_loop().create_future()
        )

    def send(self, frame, *, format=None, timestamp=None):
        if self.state == "disconnected":
            raise ph.InvalidStateError("over")
        if self.room == 0:
            raise ParhelionError("full", code="QUEUE_FULL")
        if frame.dtype != np.uint8:
            raise ph.InvalidInputError(f"expected uint8, got {frame.dtype}", hint="convert it")
        self.room -= 1
        self.sent.append(int(frame.flat[0]))
        return len(self.sent)

    def _wait_for_room(self, timeout):
        self.asked_for_room.set()
        return self.has_room.wait(timeout)

    async def drain(self):
        self.asked_for_room.set()
        await asyncio.to_thread(self.has_room.wait)

    def get_connection_state(self):
        return self.state

    def _source_ended(self, error):
        self.ended.set_result(error)


def feed_of(stream, *, policy="latest", fps=FAST) -> Feed:
    return Feed(halves_of(stream, format="rgb24", policy=policy, fps=fps, model_fps=25))


async def run(stream, session, **options):
    """Pumps to the end and returns how it ended."""
    feed = feed_of(stream, **options)
    await feed.open(10)
    feed.start(session)
    try:
        return await asyncio.wait_for(asyncio.shield(session.ended), 20)
    finally:
        feed.stop()
        await feed.join()


async def asynchronous(items):
    for item in items:
        if isinstance(item, BaseException):
            raise item
        yield item


def synchronous(items):
    for item in items:
        if isinstance(item, BaseException):
            raise item
        yield item


@pytest.fixture(params=[synchronous, asynchronous])
def stream(request):
    """Makes a generator, of either kind, of items; exceptions among them are raised."""
    return request.param


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 20)


@pytest.fixture(autouse=True)
def _no_thread_left():
    yield
    for thread in threading.enumerate():
        if thread.name == "parhelion-source":
            thread.join(5)
            assert not thread.is_alive()


# Which rate ------------------------------------------------------------------------------------


class Live(BlockingSource):
    description = "the test camera"
    is_live = True

    def __init__(self, items=()):
        self.items = iter(items)
        self.closed = threading.Event()

    def pictures(self):
        return (Picture(item) for item in self.items)

    def close(self):
        self.closed.set()


@pytest.mark.parametrize(
    ("policy", "fps", "rate", "expected"),
    [
        ("latest", None, None, 25),
        ("latest", None, 50.0, 50),
        ("latest", 10, 50.0, 10),
        ("all", None, None, 25),
        ("wait", None, 50.0, None),
        ("wait", 10, None, 10),
    ],
)
def test_which_rate_holds(policy, fps, rate, expected):
    source = BlockingSource()
    source.rate = rate
    lane = VideoLane(policy, fps, model_fps=25)
    lane.begin(source)
    waits = [lane.delay(Picture(None)) for _ in range(2)]
    assert waits[0] == 0
    assert waits[1] == pytest.approx(1 / expected if expected else 0, abs=0.01)


def test_what_is_live_comes_as_it_comes():
    lane = VideoLane("latest", None, model_fps=25)
    lane.begin(Live())
    assert [lane.delay(Picture(None)) for _ in range(3)] == [0, 0, 0]


# Sending -----------------------------------------------------------------------------------------


async def test_every_item_is_sent_and_then_the_stream_has_ended(stream):
    session = FakeSession()
    assert await run(stream(PICTURES), session) is None
    assert session.sent == [0, 1, 2, 3, 4]


async def test_an_iterable_without_items_ends_at_once(stream):
    session = FakeSession()
    assert await run(stream([]), session) is None
    assert session.sent == []


@pytest.mark.parametrize("cause", [ValueError("no more film"), SystemExit(3), KeyboardInterrupt()])
async def test_an_iterable_that_raises_ends_with_that(cause):
    session = FakeSession()
    error = await run(synchronous([*PICTURES[:3], cause]), session)
    assert isinstance(error, ph.SourceError)
    assert error.__cause__ is cause
    assert f"the generator raised {type(cause).__name__} at item 3" in str(error)
    assert session.sent == [0, 1, 2]


@pytest.mark.parametrize("cause", [ValueError("no more film"), asyncio.CancelledError()])
async def test_an_async_iterable_that_raises_ends_with_that(cause):
    session = FakeSession()
    error = await run(asynchronous([*PICTURES[:3], cause]), session)
    assert isinstance(error, ph.SourceError)
    assert error.__cause__ is cause
    assert f"the async_generator raised {type(cause).__name__} at item 3" in str(error)
    assert session.sent == [0, 1, 2]


@pytest.mark.parametrize(
    ("item", "says"),
    [
        (np.zeros((2, 2, 3)), "expected uint8, got float64 (convert it)"),
        (None, "expected an array or a Frame, got NoneType"),
        ((PICTURES[0], 1.0), "got tuple"),
        ("picture.png", "got str"),
        ([[1], [2, 3]], "inhomogeneous"),
    ],
    ids=str,
)
async def test_an_item_that_is_no_picture_is_named(stream, item, says):
    class Strict(FakeSession):
        def send(self, frame, **options):
            return super().send(np.asarray(frame), **options)

    session = Strict()
    error = await run(stream([*PICTURES[:2], item, *PICTURES[2:]]), session)
    assert isinstance(error, ph.SourceError)
    assert "item 2 of the" in str(error)
    assert says in str(error)
    assert isinstance(error.__cause__, ValueError)
    assert session.sent == [0, 1]


async def test_who_never_waits_does_not_keep_the_loop_to_himself():
    session = FakeSession()

    async def endless():
        while True:
            yield PICTURES[0]

    feed = feed_of(endless(), policy="wait", fps=None)
    await feed.open(10)
    feed.start(session)
    for _ in range(100):
        await asyncio.sleep(0)
    feed.stop()
    await feed.join()
    assert session.sent


# Flow --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["all", "wait"])
async def test_a_full_queue_is_waited_for_and_nothing_is_lost(stream, policy):
    session = FakeSession(room=2)
    running = asyncio.ensure_future(run(stream(PICTURES), session, policy=policy))
    await until(session.asked_for_room)
    assert session.sent == [0, 1]
    session.room = 3
    session.has_room.set()
    assert await running is None
    assert session.sent == [0, 1, 2, 3, 4]


async def pump_live(session, policy, changes):
    """Pumps five pictures of a camera; a change is made before some of them."""
    started = threading.Event()

    def items():
        started.wait(20)
        for number, picture in enumerate(PICTURES):
            changes.get(number, lambda: None)()
            yield picture

    feed = Feed([(Live(items()), VideoLane(policy, None, 25))])
    await feed.open(10)
    feed.start(session)
    started.set()
    assert await asyncio.wait_for(session.ended, 20) is None
    await feed.join()


async def test_what_is_live_is_left_out_while_there_is_no_room():
    session = FakeSession(room=1)
    await pump_live(session, "wait", {3: lambda: setattr(session, "room", 9)})
    assert session.sent == [0, 3, 4]
    assert not session.asked_for_room.is_set()


async def test_what_is_live_is_left_out_while_there_is_no_connection():
    session = FakeSession()
    changes = {
        1: lambda: setattr(session, "state", "reconnecting"),
        3: lambda: setattr(session, "state", "connected"),
    }
    await pump_live(session, "latest", changes)
    assert session.sent == [0, 3, 4]


async def test_what_is_not_live_waits_for_the_connection(stream):
    session = FakeSession()
    session.state = "reconnecting"
    running = asyncio.ensure_future(run(stream(PICTURES), session))
    await asyncio.sleep(0.1)
    assert session.sent == []
    session.state = "generating"
    assert await running is None
    assert session.sent == [0, 1, 2, 3, 4]


async def test_a_live_source_goes_on_while_the_session_connects():
    seen = threading.Event()
    connected = threading.Event()

    def items():
        yield PICTURES[0]
        seen.set()
        connected.wait(20)
        yield PICTURES[1]

    source = Live(items())
    feed = Feed([(source, VideoLane("latest", None, 25))])
    await feed.open(10)
    await until(seen)
    session = FakeSession()
    feed.start(session)
    connected.set()
    assert await asyncio.wait_for(session.ended, 20) is None
    assert session.sent == [1], "the first one is old"


# Ends --------------------------------------------------------------------------------------------


async def test_a_session_that_is_over_ends_the_pump(stream):
    session = FakeSession()

    def items():
        yield PICTURES[0]
        session.state = "disconnected"
        yield PICTURES[1]
        yield PICTURES[2]

    assert await run(stream(items()), session) is None
    assert session.sent == [0]


async def test_a_session_that_nobody_holds_ends_the_pump(stream):
    session = FakeSession()
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield PICTURES[0]

    feed = feed_of(stream(endless()))
    await feed.open(10)
    feed.start(session)
    while len(taken) < 3:  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0)
    gone = weakref.ref(session)
    del session
    while gone() is not None:
        gc.collect()
        await asyncio.sleep(0)
    await feed.join()
    before = len(taken)
    await asyncio.sleep(0.02)
    assert len(taken) == before


async def test_a_source_that_does_not_return_is_named_and_left(caplog):
    release = threading.Event()
    blocked = threading.Event()

    def stuck():
        yield PICTURES[0]
        blocked.set()
        release.wait(20)
        yield PICTURES[1]

    session = FakeSession()
    feed = feed_of(stuck())
    await feed.open(10)
    feed.start(session)
    await until(blocked)
    (thread,) = (one for one in threading.enumerate() if one.name == "parhelion-source")
    assert thread.daemon, "it must not keep the interpreter"
    feed.stop()
    began = asyncio.get_running_loop().time()
    await feed.join()
    assert asyncio.get_running_loop().time() - began < 5
    assert "the generator has not returned" in caplog.text
    assert "parhelion-source" in caplog.text
    release.set()
    thread.join(5)
    assert not thread.is_alive()
    assert session.sent == [0]
    assert not session.ended.done(), "who left is not told"


async def test_an_async_source_is_cancelled_where_it_waits():
    where = []
    waiting = asyncio.Event()

    async def stuck():
        yield PICTURES[0]
        try:
            waiting.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            where.append("cancelled")
            raise

    session = FakeSession()
    feed = feed_of(stuck())
    await feed.open(10)
    feed.start(session)
    await waiting.wait()
    feed.stop()
    await feed.join()
    assert where == ["cancelled"]
    assert not session.ended.done()


async def test_a_source_may_end_its_own_session(stream):
    session = FakeSession()
    feeds = []
    finished = threading.Event()

    def items():
        yield PICTURES[0]
        feeds[0].stop()
        finished.set()
        yield PICTURES[1]

    feeds.append(feed_of(stream(items())))
    await feeds[0].open(10)
    feeds[0].start(session)
    await until(finished)
    await feeds[0].join()
    assert session.sent == [0]


# Opening -----------------------------------------------------------------------------------------


class Opening(Live):
    def __init__(self, do):
        super().__init__()
        self.do = do

    def open(self):
        self.do()


async def test_a_source_that_cannot_be_opened_is_closed_and_its_error_raised():
    def fail():
        raise ph.SourceError("no such film")

    source = Opening(fail)
    with pytest.raises(ph.SourceError, match="connect: no such film"):
        await Feed([(source, VideoLane("latest", None, 25))]).open(10)
    await until(source.closed)


async def test_a_source_that_takes_too_long_to_open_is_given_up_and_closed_later():
    release = threading.Event()
    source = Opening(lambda: release.wait(20))
    feed = Feed([(source, VideoLane("latest", None, 25))])
    with pytest.raises(ph.ConnectTimeoutError, match="the test camera did not open"):
        await feed.open(0.01)
    assert not source.closed.is_set()
    release.set()
    await until(source.closed)


async def test_a_source_that_is_not_wanted_after_all_is_closed():
    source = Live(PICTURES)
    feed = Feed([(source, VideoLane("latest", None, 25))])
    await feed.open(10)
    feed.stop()
    await feed.join()
    assert source.closed.is_set()


# Two halves --------------------------------------------------------------------------------------


class SilentLane:
    """Stands for the half that is no video: takes everything, and sends nothing."""

    leaves_out = False

    def begin(self, source):
        pass

    def delay(self, piece):
        return 0.0

    def send(self, session, piece):
        pass


async def test_a_stream_goes_on_when_the_half_that_is_no_video_has_ended():
    session = FakeSession()
    goes_on = threading.Event()

    def video():
        yield PICTURES[0]
        goes_on.wait(20)
        yield PICTURES[1]

    silence = Live()
    feed = Feed([(silence, SilentLane()), (Live(video()), VideoLane("latest", None, 25))])
    await feed.open(10)
    feed.start(session)
    await until(silence.closed)
    assert not session.ended.done()
    goes_on.set()
    assert await asyncio.wait_for(session.ended, 20) is None
    assert session.sent[-1] == 1
    await feed.join()


async def test_a_stream_ends_with_its_video_although_the_other_half_goes_on():
    session = FakeSession()
    goes_on = threading.Event()

    def sound():
        yield PICTURES[0]
        goes_on.wait(20)

    video = halves_of(PICTURES, format="rgb24", policy="latest", fps=FAST, model_fps=25)
    endless = Live(sound())
    feed = Feed([*video, (endless, SilentLane())])
    await feed.open(10)
    feed.start(session)
    assert await asyncio.wait_for(session.ended, 20) is None
    assert session.sent == [0, 1, 2, 3, 4]
    assert not endless.closed.is_set()
    goes_on.set()
    feed.stop()
    await feed.join()


async def test_one_half_that_fails_ends_the_other(stream):
    session = FakeSession()
    halves = [
        *halves_of(
            stream([RuntimeError("torn")]),
            format="rgb24",
            policy="latest",
            fps=FAST,
            model_fps=25,
        ),
        (Live(PICTURES[0] for _ in iter(int, 1)), VideoLane("latest", FAST, 25)),
    ]
    feed = Feed(halves)
    await feed.open(10)
    feed.start(session)
    error = await asyncio.wait_for(asyncio.shield(session.ended), 20)
    assert "torn" in str(error)
    await feed.join()
