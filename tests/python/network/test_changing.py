"""A session through weather holds no more at its end than at its beginning, and is no slower."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest

CALM = {"delay": 0.02}
WEATHER = [
    {"delay": 0.02, "loss": 0.03},
    {"delay": 0.1, "jitter": 0.02, "loss": 0.01},
    {"delay": 0.02, "loss": 0.05, "burst": 4.0},
    {"delay": 0.02, "reorder": 0.02, "duplicate": 0.02},
]
SECONDS = 2.5


def used(pid: int) -> tuple[int, int]:
    """Threads and open descriptors."""
    process = Path(f"/proc/{pid}")
    threads = process.joinpath("status").read_text().split("Threads:")[1].split()[0]
    return int(threads), len(list(process.joinpath("fd").iterdir()))


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_changing_link(link, bench):
    service = bench.serve()
    camera = bench.film(service.until("listening")["url"])
    camera.until("shown")
    processes = [camera.process.pid, service.process.pid]
    calm, numbers = [], []
    for _ in range(3):
        link.set("both", **CALM)
        # The first half is for what the weather before has left.
        time.sleep(2 * SECONDS)
        calm.append((time.monotonic() - SECONDS, time.monotonic()))
        numbers.append([used(pid) for pid in processes])
        for weather in WEATHER:
            link.set("both", **weather)
            time.sleep(SECONDS)
    link.set("both")
    result = camera.finish()
    assert result.undamaged, result.raw
    assert result.raw["state"] == "generating"
    for before, after in zip(numbers[0], numbers[-1], strict=True):
        # The pool for what may wait grows and shrinks by a few threads.
        assert after[0] <= before[0] + 4, numbers
        assert after[1] <= before[1] + 4, numbers
    delays = [statistics.median(result.between(*span).latencies) for span in calm]
    assert delays[-1] < delays[0] + 0.1, delays
