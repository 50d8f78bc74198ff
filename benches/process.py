"""A bench is three processes: this one, a service, and a client that measures both.

Each case gets a fresh pair, so that memory and start-up of one case do not colour the next. Run as
a program this module is the child: ``process.py server LIBRARY`` or ``process.py client LIBRARY``.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from exchange import CASES, Options

LIBRARIES = ("parhelion", "aiortc")
_ALL_LIBRARIES = (*LIBRARIES, "gstreamer")
_GSTREAMER = (
    "import gi, numpy, psutil; gi.require_version('GstWebRTC', '1.0'); "
    "from gi.repository import Gst; Gst.init(None); "
    "assert all(map(Gst.ElementFactory.find, ('nicesrc', 'x264enc', 'avdec_h264')))"
)
_GSTREAMER_PACKAGES = (
    "gstreamer1.0-nice gstreamer1.0-plugins-good gstreamer1.0-plugins-bad "
    "gstreamer1.0-plugins-ugly gstreamer1.0-libav python3-gst-1.0 "
    "gir1.2-gst-plugins-bad-1.0 python3-numpy python3-psutil"
)
OWN_CASES = {
    "viewers": ("viewers", "measure"),
    "sync": ("faces", "compare"),
    "prompt": ("prompts", "measure"),
    "cycles": ("cycles", "measure"),
}
"""Cases that need more than a :class:`Link` can do: module and function. Parhelion's alone."""
_CYCLE_SECONDS = 1.0
_GRACE_SECONDS = 90.0


class CaseFailedError(RuntimeError):
    """A child process failed or did not finish; its own words are on stderr."""


class LibraryMissingError(RuntimeError):
    """A library to compare with is not here; the text says how to install it."""


@functools.cache
def interpreter(library: str) -> str:
    """The Python that can run a peer of this library: ours, or the system's for GStreamer."""
    if library != "gstreamer":
        return sys.executable
    for python in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            if subprocess.run([python, "-c", _GSTREAMER], capture_output=True).returncode == 0:
                return python
    raise LibraryMissingError(f"no GStreamer with Python (Debian: {_GSTREAMER_PACKAGES})")


@contextmanager
def content_folder() -> Iterator[Options]:
    """A temporary folder with the decoded content, as the options that every case starts from."""
    with tempfile.TemporaryDirectory(prefix="parhelion-bench-") as name:
        path = Path(name) / "content.rgb"
        # In a process of its own: the decoder must not stay in the memory of whoever measures.
        code = f"import content, pathlib; content.write_raw(pathlib.Path({str(path)!r}))"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)
        yield Options(content=str(path), folder=name)


def run_case(library: str, case: str, options: Options) -> dict[str, Any]:
    """Runs one case in two fresh processes and returns what the client measured."""
    print(f"{library}: {case} ...", file=sys.stderr, flush=True)
    server = spawn("server", library)
    try:
        endpoint = endpoint_of(server, library)
        job = {
            "case": case,
            "endpoint": endpoint,
            "server_pid": server.pid,
            "options": dataclasses.asdict(options),
        }
        client = spawn("client", library)
        limit = options.warmup + 2 * options.seconds + _GRACE_SECONDS
        if case == "cycles":
            limit += options.cycles * _CYCLE_SECONDS
        return answer(client, f"{library} {case}", limit, json.dumps(job))
    finally:
        end(server)


def spawn(
    role: str,
    library: str,
    start: Callable[..., subprocess.Popen[str]] = subprocess.Popen,
    host: str = "127.0.0.1",
) -> subprocess.Popen[str]:
    """Starts a child; ``start`` may start it elsewhere. ``host`` is where a service listens."""
    return start(
        [interpreter(library), __file__, role, library, host],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def endpoint_of(server: subprocess.Popen[str], library: str) -> Any:
    """Where a service that was just started can be reached."""
    return json.loads(_first_line(server, f"{library} service"))


def answer(
    client: subprocess.Popen[str], name: str, limit: float, job: str | None = None
) -> dict[str, Any]:
    """What a client has measured. It gets its job here unless it has it already."""
    try:
        output, _ = client.communicate(job, timeout=limit)
    except subprocess.TimeoutExpired as error:
        raise CaseFailedError(f"{name}: no result after {limit:.0f} s") from error
    finally:
        client.kill()
    if client.returncode != 0:
        raise CaseFailedError(f"{name}: client ended with {client.returncode}")
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    return result


def _first_line(process: subprocess.Popen[str], name: str) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise CaseFailedError(f"the {name} did not start")
    return line


def end(server: subprocess.Popen[str]) -> None:
    """Lets a service end by itself, then kills it."""
    if server.stdin:
        server.stdin.close()
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    if server.stdout:
        server.stdout.close()


async def _serve(library: str, host: str) -> None:
    until, loop = asyncio.Event(), asyncio.get_running_loop()

    def wait_for_parent() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(until.set)

    threading.Thread(target=wait_for_parent, daemon=True).start()
    peer = importlib.import_module(f"{library}_peer")
    await peer.serve(lambda endpoint: print(json.dumps(endpoint), flush=True), until, host)


async def _measure(library: str, job: dict[str, Any]) -> dict[str, Any]:
    options = Options(**job["options"])
    processes = {
        "client": psutil.Process(os.getpid()),
        "server": psutil.Process(job["server_pid"]),
    }
    if job["case"] in OWN_CASES:
        module, function = OWN_CASES[job["case"]]
        measure = getattr(importlib.import_module(module), function)
        measured: dict[str, Any] = await measure(job["endpoint"], options, processes)
        return measured
    peer = importlib.import_module(f"{library}_peer")
    if job["case"] == "trace":
        trace = importlib.import_module("trace_session")
        link = peer.connect(job["endpoint"], options.bitrate)
        traced: dict[str, Any] = await trace.measure(link, options)
        return traced
    return await CASES[job["case"]](
        lambda: peer.connect(job["endpoint"], options.bitrate), options, processes
    )


def main() -> None:
    """The child: serve until stdin closes, or run the case that stdin describes."""
    role, library, host = sys.argv[1:]
    if library not in _ALL_LIBRARIES:
        raise SystemExit(f"expected one of {', '.join(_ALL_LIBRARIES)}, got {library!r}")
    if role == "server":
        asyncio.run(_serve(library, host))
    else:
        print(json.dumps(asyncio.run(_measure(library, json.load(sys.stdin)))), flush=True)


if __name__ == "__main__":
    main()
