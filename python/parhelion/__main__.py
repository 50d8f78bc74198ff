"""The command line: ``python -m parhelion serve``."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from collections.abc import Sequence

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status."""
    parsed = _parser().parse_args(arguments)
    if parsed.command == "info":
        print(json.dumps(ph.build_info(), indent=2))
        return 0
    try:
        asyncio.run(_serve(parsed))
    except KeyboardInterrupt:
        return 130
    except ph.ParhelionError as error:
        raise SystemExit(f"parhelion: {error}") from None
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
