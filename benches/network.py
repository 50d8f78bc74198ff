"""A service and a client with a bad link between them: ``make bench ARGS="--case loss3"``.

Each runs in a network namespace of its own (``tests/link``); GStreamer and aiortc go through the
same emulator, with the same seed, right after. A case that the system does not permit, and a
library that is not installed, say so in the result.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from exchange import Options
from measure import Memory, percentiles
from process import CaseFailedError, LibraryMissingError, answer, end, endpoint_of, spawn

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "link"))

from link import Link, LinkUnavailableError, open_link

SEED = 1
_PEERS = ("parhelion", "gstreamer", "aiortc")
_GRACE_SECONDS = 90.0
_DAMAGED_DB = 15.0
"""Below that in its worst block a picture shows something else; the codec alone stays above 25."""
_WAY = 0.02


@dataclasses.dataclass(frozen=True)
class Trace:
    """What one client saw."""

    raw: dict[str, Any]

    def shown(self, begin: float = 0.0, end: float = float("inf")) -> dict[str, Any]:
        """What became of the frames that were sent in a span of the monotonic clock."""
        sent = self.raw["sent"]
        numbers = [number for number, at in enumerate(sent) if begin <= at < end]
        rows = [row for row in self.raw["shown"] if begin <= sent[row[0]] < end]
        return {
            "sent": len(numbers),
            "shown_percent": round(100 * len({row[0] for row in rows}) / max(len(numbers), 1), 2),
            "damaged": sum(row[2] < _DAMAGED_DB for row in rows),
            "unreadable": self.raw["unreadable"],
            "worst_block_db": min((row[2] for row in rows), default=None),
            "round_trip_ms": percentiles([row[1] - sent[row[0]] for row in rows]),
        }

    def kbps(self, begin: float, end: float, column: int) -> float | None:
        """Mean rate: column 1 is what the client sent, 2 what it received."""
        samples = [sample for sample in self.raw["samples"] if begin <= sample[0] < end]
        if len(samples) < 2:
            return None
        (since, *_), (until, *_) = samples[0], samples[-1]
        carried = float(samples[-1][column] - samples[0][column])
        return round(carried * 8 / 1000 / float(until - since), 1)

    def latencies(self, begin: float, end: float) -> list[tuple[float, float]]:
        """When each frame was shown, and how old it was."""
        sent = self.raw["sent"]
        return [(at, at - sent[number]) for number, at, _ in self.raw["shown"] if begin <= at < end]


class Stage:
    """A service of one library and its clients at the ends of a link."""

    def __init__(self, library: str, link: Link, options: Options) -> None:
        self._library, self._link, self._options = library, link, options
        self.server = spawn("server", library, link.service.start, link.service.address)
        self._endpoint = endpoint_of(self.server, library)

    def client(self, seconds: float) -> Any:
        """Starts a client that traces for that long."""
        options = dataclasses.replace(self._options, seconds=seconds)
        job = {
            "case": "trace",
            "endpoint": self._endpoint,
            "server_pid": self.server.pid,
            "options": dataclasses.asdict(options),
        }
        client = spawn("client", self._library, self._link.client.start)
        assert client.stdin is not None
        client.stdin.write(json.dumps(job))
        client.stdin.close()
        client.stdin = None
        return client

    def trace(self, client: Any, seconds: float) -> Trace:
        """Waits for its result."""
        return Trace(answer(client, f"{self._library} trace", seconds + _GRACE_SECONDS))

    def close(self) -> None:
        """Ends the service."""
        end(self.server)


def _lossy(loss: float) -> Callable[[Stage, Link, Options], dict[str, Any]]:
    def case(stage: Stage, link: Link, options: Options) -> dict[str, Any]:
        link.set("both", loss=loss, delay=_WAY, seed=SEED)
        trace = stage.trace(stage.client(options.seconds), options.seconds)
        sent = trace.raw["sent"]
        return {
            "loss_percent": 100 * loss,
            "delay_ms_each_way": 1000 * _WAY,
            "connect_ms": round((trace.raw["opened"] - trace.raw["opening"]) * 1000, 1),
            **trace.shown(sent[0] + min(options.warmup, options.seconds / 4)),
            "kbps_sent": trace.kbps(sent[0], sent[-1], 1),
            "kbps_received": trace.kbps(sent[0], sent[-1], 2),
        }

    return case


def _throttle(stage: Stage, link: Link, options: Options) -> dict[str, Any]:
    """5 Mb/s, then 500 kb/s, then 5 Mb/s again, each for a third of the time, both ways."""
    wide, narrow = 5_000_000, 500_000
    third = max(options.seconds, 45.0) / 3
    link.set("both", rate=wide, delay=_WAY, seed=SEED)
    client = stage.client(3 * third + 10)
    time.sleep(10 + third)
    limited = time.perf_counter()
    link.set("both", rate=narrow, delay=_WAY)
    time.sleep(third)
    lifted = time.perf_counter()
    link.set("both", rate=wide, delay=_WAY)
    trace = stage.trace(client, 3 * third)
    over = trace.raw["sent"][-1]
    late = [at for at, age in trace.latencies(limited, lifted) if age >= 0.3]
    before = trace.kbps(limited - third / 2, limited, 1)
    back = None
    at = lifted
    while before and back is None and at < over - 1:
        if (trace.kbps(at, at + 2.0, 1) or 0) >= 0.8 * before:
            back = round(at + 2.0 - lifted, 1)
        at += 0.5
    return {
        "kbps_before": before,
        "kbps_limited": trace.kbps(limited + third / 2, lifted, 1),
        "last_latency_over_300_ms_after_s": round(late[-1] - limited, 2) if late else 0.0,
        "back_at_80_percent_after_s": back,
        "limited_from_3_s": trace.shown(limited + 3, lifted),
        "after": trace.shown(lifted + 1, over),
    }


def _share(stage: Stage, link: Link, options: Options) -> dict[str, Any]:
    """Two sessions on one bottleneck of 4 Mb/s each way, after 20 seconds."""
    seconds = max(options.seconds, 30.0)
    link.set("both", rate=4_000_000, delay=_WAY, seed=SEED)
    clients = [stage.client(seconds), stage.client(seconds)]
    traces = [stage.trace(client, seconds) for client in clients]
    begin = max(trace.raw["sent"][0] for trace in traces) + 20
    until = min(trace.raw["sent"][-1] for trace in traces)
    result: dict[str, Any] = {"sessions": [trace.shown(begin, until) for trace in traces]}
    for way, column in (("up", 1), ("down", 2)):
        rates = [trace.kbps(begin, until, column) or 0.0 for trace in traces]
        total = sum(rates) or 1.0
        result[way] = {"kbps": rates, "percent": [round(100 * rate / total, 1) for rate in rates]}
    return result


def _changing(stage: Stage, link: Link, options: Options) -> dict[str, Any]:
    """One session through weather; what both processes use, and whether latency drifts."""
    weather: list[dict[str, Any]] = [
        {"delay": 0.02},
        {"delay": 0.02, "loss": 0.03},
        {"delay": 0.1, "jitter": 0.02, "loss": 0.01},
        {"delay": 0.02, "rate": 1_500_000},
        {"delay": 0.02, "loss": 0.05, "burst": 4.0},
        {"delay": 0.02, "reorder": 0.02, "duplicate": 0.02},
    ]
    seconds = options.seconds
    link.set("both", **weather[0], seed=SEED)
    client = stage.client(seconds)
    processes = {"client": psutil.Process(client.pid), "server": psutil.Process(stage.server.pid)}
    begin, over, used = time.perf_counter(), threading.Event(), []
    calm: list[tuple[float, float]] = []

    def change() -> None:
        number, stay = 0, max(min(10.0, seconds / 12), 2.0)
        while not over.wait(stay):
            if number % len(weather) == 0:
                calm.append((time.perf_counter() - stay / 2, time.perf_counter()))
                used.append({name: _usage(process) for name, process in processes.items()})
            number += 1
            link.set("both", **weather[number % len(weather)])

    changer = threading.Thread(target=change)
    changer.start()
    try:
        trace = stage.trace(client, seconds)
    finally:
        over.set()
        changer.join()
    ages = [[age for _, age in trace.latencies(*span)] for span in calm]
    medians = [numbers["p50"] for numbers in map(percentiles, ages) if numbers]
    return {
        "seconds": round(time.perf_counter() - begin, 1),
        **trace.shown(),
        "calm_round_trip_ms_p50": {"first": medians[:1], "last": medians[-1:], "all": medians},
        "used_when_calm": {"first": used[:1], "last": used[-1:]},
    }


def _usage(process: psutil.Process) -> dict[str, float]:
    try:
        return {
            "threads": process.num_threads(),
            "descriptors": process.num_fds(),
            # Not the mapped content, which is the bench's own.
            "rss_anonymous_mib": round(Memory.of(process).anonymous or 0.0, 1),
        }
    except psutil.Error:
        return {}


CASES: dict[str, Callable[[Stage, Link, Options], dict[str, Any]]] = {
    "loss3": _lossy(0.03),
    "loss10": _lossy(0.10),
    "throttle": _throttle,
    "share": _share,
    "changing": _changing,
}
_ALONE = ("share", "changing")
"""Cases that are Parhelion's alone."""


def run_network_case(case: str, options: Options) -> dict[str, Any]:
    """Runs one case with each library, one after the other, through the same emulator."""
    options = dataclasses.replace(options, bitrate=2_500_000 if "loss" in case else 4_000_000)
    libraries = _PEERS[:1] if case in _ALONE else _PEERS
    return {library: _run(case, library, options) for library in libraries}


def _run(case: str, library: str, options: Options) -> dict[str, Any]:
    print(f"{library}: {case} ...", file=sys.stderr, flush=True)
    try:
        with open_link(SEED) as link:
            stage = Stage(library, link, options)
            try:
                result = CASES[case](stage, link, options)
            finally:
                stage.close()
            return {**result, "link": link.counters()}
    except (LinkUnavailableError, LibraryMissingError) as error:
        return {"unavailable": str(error)}
    except CaseFailedError as error:
        # A peer that does not survive the link is a result; ours must.
        if library == "parhelion":
            raise
        return {"failed": str(error)}
