"""Parhelion next to aiortc on the same machine, in the same minutes: ``make bench-peers``.

Same content, same cases, same way of measuring; aiortc with its stock settings. The ratios are what
carries over to other machines.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from exchange import CASES
from measure import machine
from process import LIBRARIES, content_folder, run_case
from roundtrip import add_options, described, publish, with_options

_RATIOS = {
    "steady": (
        ("latency_ms", "p50"),
        ("latency_ms", "p95"),
        ("latency_ms", "p99"),
        ("cpu_seconds_per_second", "client"),
        ("cpu_seconds_per_second", "server"),
        ("cpu_seconds_per_second", "both"),
        ("memory_mib", "client", "rss_anonymous"),
        ("memory_mib", "server", "rss_anonymous"),
        ("connect_ms",),
        ("first_frame_ms",),
    ),
    "slow-reader": (("age_of_first_frame_ms",), ("rss_growth_mib", "client")),
    "sessions": (("cpu_seconds_per_second", "both"),),
}


def main() -> None:
    """Runs each case with each library, one after the other."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--case", action="append", choices=list(CASES))
    arguments.add_argument("--library", action="append", choices=LIBRARIES)
    add_options(arguments)
    chosen = arguments.parse_args()
    cases, libraries = chosen.case or ["steady", "slow-reader"], chosen.library or LIBRARIES
    with content_folder() as options:
        settings = with_options(options, chosen)
        result: dict[str, Any] = {"machine": machine(), "settings": described(settings)}
        for case in cases:
            measured = {library: run_case(library, case, settings) for library in libraries}
            result[case] = measured
            if len(measured) == len(LIBRARIES):
                result[case]["parhelion_over_aiortc"] = ratios(case, measured)
        result["load_average_after"] = machine()["load_average"]
    publish(result, chosen.output)


def ratios(case: str, measured: Mapping[str, Any]) -> dict[str, float | None]:
    """Parhelion's number divided by aiortc's; below 1 means less of it."""
    found = {}
    for path in _RATIOS[case]:
        ours, theirs = (_value(measured[library], path) for library in ("parhelion", "aiortc"))
        usable = ours is not None and theirs is not None and theirs > 0
        found[" ".join(path)] = round(ours / theirs, 3) if usable else None
    return found


def _value(measured: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        measured = measured.get(name) if measured is not None else None
    return measured


if __name__ == "__main__":
    main()
