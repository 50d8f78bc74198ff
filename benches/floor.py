"""What the codec alone costs on this machine, now: the measure for a round trip beside it.

Runs the example ``codec_floor``, which ``make bench`` builds, over the content of the bench.
"""

from __future__ import annotations

import json
import resource
import subprocess
from pathlib import Path
from typing import Any

from content import FPS, HEIGHT, WIDTH
from exchange import Options

_PROGRAM = Path(__file__).parent.parent / "target/release/examples/codec_floor"
_FRAMES = 300


def measure_floor(options: Options) -> dict[str, Any]:
    """Times and CPU of the codec's part of a round trip, one thread in a tight loop."""
    before = _children_cpu()
    command = [
        str(_PROGRAM),
        options.content,
        str(WIDTH),
        str(HEIGHT),
        str(_FRAMES),
        str(options.bitrate),
    ]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    floor: dict[str, Any] = json.loads(output)
    # The program also reads the file and compares pictures; its own timers leave that out.
    floor["process_cpu_ms_per_frame"] = round((_children_cpu() - before) / _FRAMES * 1e3, 2)
    floor["cpu_seconds_per_second"] = round(floor["round_trip_ms"] * FPS / 1e3, 3)
    return floor


def ratios(result: dict[str, Any], floor: dict[str, Any]) -> dict[str, float]:
    """The steady case over the floor that was measured beside it."""
    return {
        "latency_p50": round(result["latency_ms"]["p50"] / floor["round_trip_ms"], 2),
        "cpu": round(result["cpu_seconds_per_second"]["both"] / floor["cpu_seconds_per_second"], 2),
    }


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
