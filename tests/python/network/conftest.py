"""A service and a client in a network namespace each, and a bad link between them."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PROGRAMS = Path(__file__).parent / "programs"
sys.path.insert(0, str(ROOT / "tests" / "link"))

from link import Link, LinkUnavailableError, open_link  # noqa: E402

SEED = 20261
WIDTH, HEIGHT, FPS = 640, 352, 25
DAMAGED_DB = 14.0
"""Below that in its worst block a picture is damaged. The codec alone stays above 20 at the bit
rates of these tests; a block that shows something else is at 10."""
_PATIENCE = 40.0


@pytest.fixture
def link(request: pytest.FixtureRequest) -> Iterator[Link]:
    """A link that is perfect until a test makes it bad; ``no_route`` as parameter: see there."""
    try:
        opened = contextlib.ExitStack()
        route = getattr(request, "param", None) != "no_route"
        link = opened.enter_context(open_link(SEED, route=route))
    except LinkUnavailableError as error:
        pytest.skip(str(error))
    with opened:
        yield link
        print(f"link: seed {SEED}, {link.history}, {link.counters()}")


class Program:
    """A program at one end of the link that prints events."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self._news: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def until(
        self, condition: Callable[[dict[str, Any]], bool] | str, patience: float = _PATIENCE
    ) -> dict[str, Any]:
        """The next event of that name, or of which that holds."""
        deadline = time.monotonic() + patience
        while True:
            try:
                event = self._news.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"waited {patience} s for {condition}; there was {self.events}")
            if event is None:
                pytest.fail(f"the program ended; there was {self.events}")
            self.events.append(event)
            if event["event"] == condition if isinstance(condition, str) else condition(event):
                return event

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(ValueError):  # closed meanwhile
            for line in self.process.stdout:
                self._news.put(json.loads(line))
        self._news.put(None)


@dataclass
class Shown:
    """What became of the pictures that were sent in a span of time."""

    sent: int
    share: float
    damaged: list[tuple[int, float]]
    latencies: list[float]
    """Seconds from sending to showing, in the order of showing."""

    @property
    def p95(self) -> float:
        ordered = sorted(self.latencies)
        return ordered[int(0.95 * len(ordered))] if ordered else float("inf")


@dataclass
class Result:
    """What a camera has seen."""

    raw: dict[str, Any]
    times: dict[int, float] = field(init=False)

    def __post_init__(self) -> None:
        self.times = dict(self.raw["sent"])

    def between(self, begin: float, end: float) -> Shown:
        """Of the pictures sent between two times of the monotonic clock."""
        sent = [number for number, at in self.times.items() if begin <= at < end]
        shown = [one for one in self.raw["shown"] if begin <= self.times[one[0]] < end]
        return Shown(
            len(sent),
            len({number for number, *_ in shown}) / max(len(sent), 1),
            [(number, quality) for number, _, quality, _ in shown if quality < DAMAGED_DB],
            [at - self.times[number] for number, at, *_ in shown],
        )

    def shown_between(self, begin: float, end: float) -> list[tuple[int, float, float, float]]:
        """The pictures that were shown in that span: number, time, dB, latency."""
        return [
            (number, at, quality, at - self.times[number])
            for number, at, quality, _ in self.raw["shown"]
            if begin <= at < end
        ]

    @property
    def undamaged(self) -> bool:
        bad = [one for one in self.raw["shown"] if one[2] < DAMAGED_DB]
        return not bad and self.raw["unreadable"] == 0


class Camera(Program):
    """The client program."""

    def finish(self) -> Result:
        """Ends it; what is under way gets a moment to come."""
        time.sleep(0.5)
        assert self.process.stdin is not None
        self.process.stdin.close()
        return Result(self.until("result"))


@dataclass
class Bench:
    """Starts programs at the ends of a link."""

    link: Link
    api_key: str = "a key for tests"

    def serve(self, port: int = 0, *, beside_client: bool = False) -> Program:
        """A service; its first event is ``listening``. ``beside_client``: on loopback there."""
        end = self.link.client if beside_client else self.link.service
        address = "127.0.0.1" if beside_client else end.address
        command = [sys.executable, str(PROGRAMS / "service.py"), address, str(port), self.api_key]
        return Program(end.start(command, **_PIPES))

    def film(self, url: str, *, seconds: float = 120.0, **connect: object) -> Camera:
        """A client that sends and watches."""
        options = {
            "url": url,
            "api_key": self.api_key,
            "fps": FPS,
            "width": WIDTH,
            "height": HEIGHT,
            "seconds": seconds,
            "connect": {"max_bitrate": 1_500_000, **connect},
        }
        command = [sys.executable, str(PROGRAMS / "camera.py"), json.dumps(options)]
        return Camera(self.link.client.start(command, **_PIPES))


_PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}


@pytest.fixture
def bench(link: Link) -> Bench:
    return Bench(link)


@pytest.fixture
def camera(bench: Bench) -> Camera:
    """A client of a service at the other end, whose first picture was shown."""
    camera = bench.film(bench.serve().until("listening")["url"])
    camera.until("shown")
    return camera
