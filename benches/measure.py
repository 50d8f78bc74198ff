"""The numbers of a bench: processor time, memory, percentiles, and what else the machine did.

Processor seconds and counts mean the same on a busy machine as on an idle one; latencies do not.
So every result carries the load average and the share of the processors that others took.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Memory:
    """Resident memory of a process in MiB."""

    rss: float
    anonymous: float | None
    """Without file-backed pages (``RssAnon``); None where the system does not tell."""

    @classmethod
    def of(cls, process: psutil.Process) -> Memory:
        """Reads the present values."""
        return cls(process.memory_info().rss / _MIB, _status_mib(process.pid, "RssAnon"))

    def highest(self, other: Memory) -> Memory:
        """The larger of each value."""
        both = [value for value in (self.anonymous, other.anonymous) if value is not None]
        return Memory(max(self.rss, other.rss), max(both, default=None))


class ProcessorTime:
    """Processor seconds used by some processes, and by everything else, since the start."""

    def __init__(self, processes: dict[str, psutil.Process]) -> None:
        self._processes = processes
        self._began = time.perf_counter()
        self._used = {name: cpu_seconds(process) for name, process in processes.items()}
        self._busy = _busy_seconds()

    def per_second(self) -> dict[str, float]:
        """Processor seconds per second: one entry per process, ``both`` and ``others``."""
        elapsed = time.perf_counter() - self._began
        rates = {
            name: (cpu_seconds(process) - self._used[name]) / elapsed
            for name, process in self._processes.items()
        }
        total = sum(rates.values())
        others = (_busy_seconds() - self._busy) / elapsed - total
        return {
            **{name: round(rate, 4) for name, rate in rates.items()},
            "both": round(total, 4),
            "others": round(max(others, 0.0), 3),
        }


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of a process and all its threads."""
    times = process.cpu_times()
    return times.user + times.system


def mapped_mib(process: psutil.Process, folder: Path) -> float:
    """Resident pages of the files under ``folder`` that the process has mapped (Linux; else 0)."""
    try:
        lines = Path(f"/proc/{process.pid}/smaps").read_text().splitlines()
    except OSError:
        return 0.0
    total, inside = 0, False
    for line in lines:
        name = line.split(None, 1)[0]
        if not name.endswith(":"):
            inside = f"{folder}/" in line
        elif inside and name == "Rss:":
            total += int(line.split()[1])
    return total / 1024


def percentiles(values: list[float], scale: float = 1000.0) -> dict[str, float] | None:
    """The usual percentiles, scaled (seconds to milliseconds unless told); None without values."""
    if not values:
        return None
    array = np.asarray(values) * scale
    numbers = {f"p{q}": round(float(np.percentile(array, q)), 2) for q in (50, 95, 99)}
    return {**numbers, "max": round(float(array.max()), 2)}


def machine() -> dict[str, object]:
    """What a reader needs to judge absolute times."""
    return {
        "cpus": os.cpu_count(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "note": "times in ms depend on the load of the machine; CPU seconds and counts do not",
    }


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice)


def _status_mib(pid: int, field: str) -> float | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    return None
