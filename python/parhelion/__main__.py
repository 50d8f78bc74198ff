"""The command line: ``python -m parhelion serve``, ``doctor`` and ``info``."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import parhelion as ph


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="parhelion", description=ph.__doc__)
    parser.add_argument("--version", action="version", version=f"parhelion {ph.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the local service until it is interrupted")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serve.add_argument("--port", type=int, default=0, help="0 lets the system choose (%(default)s)")
    serve.add_argument("--api-key", help="what clients have to show; default: a random key")
    serve.add_argument("--max-sessions", type=int, help="more have to wait; default: no limit")
    serve.add_argument("--max-queue", type=int, default=64, help="so many may wait (%(default)s)")
    doctor = commands.add_parser("doctor", help="look at what a session would be given")
    doctor.add_argument(
        "--portrait", type=Path, required=True, help="a picture for live_avatar: where is the face?"
    )
    doctor.add_argument(
        "--output", type=Path, help="a PNG file: the picture with what was found drawn over it"
    )
    doctor.add_argument(
        "--landmarks", help='what is known, as JSON: {"left_eye": [x, y], "right_eye": [x, y], ...}'
    )
    doctor.add_argument(
        "--detect", action="store_true", help="look with OpenCV first; needs parhelion[portrait]"
    )
    commands.add_parser("info", help="print how this build was made, as JSON")
    return parser


async def _serve(arguments: argparse.Namespace) -> None:
    server = ph.LocalServer(
        arguments.host,
        arguments.port,
        api_key=arguments.api_key,
        max_sessions=arguments.max_sessions,
        max_queue=arguments.max_queue,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows: KeyboardInterrupt ends the loop instead
            break
    async with server:
        # One line for programs, flushed, so that they can wait for it.
        print(json.dumps({"url": server.url, "api_key": server.api_key}), flush=True)
        await stop.wait()


def _doctor(arguments: argparse.Namespace) -> int:
    from parhelion import _core, portrait  # nobody else needs it

    known: ph.Landmarks | None = None
    try:
        if arguments.landmarks is not None:
            places = json.loads(arguments.landmarks)
            if not isinstance(places, dict):
                raise TypeError(f"expected an object of places, got {arguments.landmarks}")
            known = ph.Landmarks(**places)
        elif arguments.detect:
            known = portrait.find_landmarks(arguments.portrait)
    except ImportError as error:
        raise SystemExit(f"parhelion: {error}") from None
    except (TypeError, json.JSONDecodeError) as error:
        raise SystemExit(f"parhelion: --landmarks: {error}") from None
    seen = portrait.look(arguments.portrait, known)
    said: dict[str, object] = {
        "faces": seen.faces,
        "likeness": round(seen.likeness, 2),
        "landmarks": None,
    }
    if seen.landmarks is not None:
        places = dataclasses.asdict(seen.landmarks)
        said["landmarks"] = {
            name: [round(part, 1) for part in place] for name, place in places.items() if place
        }
    if arguments.output is not None:
        try:
            arguments.output.write_bytes(_core.encode_png(seen.picture, "doctor"))
        except OSError as error:
            raise SystemExit(f"parhelion: {arguments.output}: {error.strerror}") from None
    print(json.dumps(said))
    if seen.landmarks is None:
        print(
            "parhelion: no face was found: use a picture in which one is seen from the front, "
            "or say where it is with --landmarks",
            file=sys.stderr,
        )
    return 0 if seen.landmarks is not None else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status."""
    parsed = _parser().parse_args(arguments)
    if parsed.command == "info":
        print(json.dumps(ph.build_info(), indent=2))
        return 0
    try:
        if parsed.command == "doctor":
            return _doctor(parsed)
        asyncio.run(_serve(parsed))
    except KeyboardInterrupt:
        return 130
    except ph.ParhelionError as error:
        raise SystemExit(f"parhelion: {error}") from None
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
