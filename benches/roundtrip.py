"""How long a frame takes through Parhelion and back, and what that costs: ``make bench``.

1280x720 at 30 frames per second of real video through an identity model written in Python, the
service and the client in a process each. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from exchange import CASES, Options
from faces import measure_import
from floor import measure_floor, ratios
from measure import machine
from models import measure_models
from network import CASES as NETWORK_CASES
from network import run_network_case
from process import OWN_CASES, content_folder, run_case
from restart import measure_restart
from speaking import measure_avatar


def main() -> None:
    """Runs the chosen cases."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    cases = [*CASES, *OWN_CASES, *NETWORK_CASES, "restart", "import", "models", "avatar"]
    arguments.add_argument("--case", action="append", choices=cases, help="all unless given")
    add_options(arguments)
    chosen = arguments.parse_args()
    with content_folder() as options:
        settings = with_options(options, chosen)
        result: dict[str, Any] = {"machine": machine(), "settings": described(settings)}
        for case in chosen.case or cases:
            if case == "import":
                result["import"] = measure_import()
            elif case in NETWORK_CASES:
                result[case] = run_network_case(case, settings)
            elif case == "restart":
                result["restart"] = measure_restart(settings)
            elif case == "avatar":
                result["avatar"] = measure_avatar(settings)
            elif case == "models":
                result["models"] = measure_models(settings)
            elif case == "steady":
                # Before and after, because a shared machine changes its speed in between.
                floor = measure_floor(settings)
                result["steady"] = run_case("parhelion", case, settings)
                after = measure_floor(settings)
                floor = min(floor, after, key=lambda one: one["round_trip_ms"])
                result["codec_floor"] = floor
                result["steady_over_floor"] = ratios(result["steady"], floor)
            else:
                result[case] = run_case("parhelion", case, settings)
        result["load_average_after"] = machine()["load_average"]
    publish(result, chosen.output)


def add_options(arguments: argparse.ArgumentParser) -> None:
    """The options that all benches share."""
    arguments.add_argument("--seconds", type=_seconds, default=30.0, help="measured time")
    arguments.add_argument("--warmup", type=_seconds, default=5.0, help="time before that")
    arguments.add_argument("--sessions", type=int, default=4, help="for the case 'sessions'")
    arguments.add_argument("--viewers", type=int, default=50, help="for the case 'viewers'")
    arguments.add_argument("--cycles", type=int, default=1000, help="for the case 'cycles'")
    arguments.add_argument("--bitrate", type=int, default=3_000_000, help="bits per second")
    arguments.add_argument("--output", type=Path, help="also write the JSON here")


def with_options(options: Options, chosen: argparse.Namespace) -> Options:
    """The options of a case, from the command line."""
    return dataclasses.replace(
        options,
        seconds=chosen.seconds,
        warmup=chosen.warmup,
        sessions=chosen.sessions,
        viewers=chosen.viewers,
        cycles=chosen.cycles,
        bitrate=chosen.bitrate,
    )


def described(options: Options) -> dict[str, Any]:
    """The options without the temporary paths."""
    settings = dataclasses.asdict(options)
    names = ("seconds", "warmup", "sessions", "viewers", "cycles", "bitrate")
    return {name: settings[name] for name in names}


def publish(result: dict[str, Any], output: Path | None) -> None:
    """Prints the result, and writes it when asked."""
    text = json.dumps(result, indent=2)
    print(text)
    if output is not None:
        output.write_text(text + "\n")


def _seconds(text: str) -> float:
    value = float(text)
    # The counter in the picture has 16 bits: 36 minutes at 30 frames per second.
    if not 0 <= value <= 2000:
        raise argparse.ArgumentTypeError(f"expected 0 to 2000 seconds, got {text}")
    return value


if __name__ == "__main__":
    main()
