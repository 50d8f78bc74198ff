"""Other implementations, each in a process of its own, called by name.

What a peer can do are the functions at the end of its file in ``peers/``; a browser offers those
of its page in ``pages/``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import parhelion as ph

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
ENVIRONMENT = ROOT / ".venv-interop"
PYTHON = ENVIRONMENT / "bin" / "python"
SDK_PACKAGE = ENVIRONMENT / "npm" / "node_modules" / "@decartai" / "sdk"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CALL_TIMEOUT = 30.0
EXIT_TIMEOUT = 5.0
# A 20 MiB image comes through the pipe as one line of base64.
LINE_LIMIT = 64 * 1024 * 1024


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.interop)


class Peer:
    """A process that does what it is told, one JSON object per line."""

    def __init__(self, process, log):
        self._process = process
        self._log = log

    @classmethod
    async def start(cls, script, folder):
        log = folder / f"{script}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                PYTHON,
                HERE / "peers" / f"{script}.py",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
                limit=LINE_LIMIT,
            )
        return cls(process, log)

    async def call(self, name, **arguments):
        """The result of a function of the peer; an AssertionError if it raises."""
        answer = await self._ask(name, arguments)
        assert "error" not in answer, f"{name}: {answer['error']}\n{self._said()}"
        return answer["result"]

    async def fails(self, name, **arguments):
        """The text of the error that a function of the peer raises."""
        answer = await self._ask(name, arguments)
        assert "error" in answer, f"{name} returned {answer['result']!r}"
        return answer["error"]

    async def _ask(self, name, arguments):
        self._process.stdin.write(json.dumps({"name": name, "arguments": arguments}).encode())
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), CALL_TIMEOUT)
        except asyncio.TimeoutError:
            pytest.fail(f"{name} did not return within {CALL_TIMEOUT:.0f} s\n{self._said()}")
        assert line, f"the peer ended in {name}\n{self._said()}"
        return json.loads(line)

    def _said(self):
        return self._log.read_text(errors="replace")[-4000:]

    async def stop(self):
        """Without input a peer ends by itself; one that does not is killed."""
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), EXIT_TIMEOUT)
        except asyncio.TimeoutError:
            self._process.kill()
            await self._process.wait()
        # Else the transport closes its pipes when the loop is gone already.
        self._process._transport.close()


@pytest.fixture
async def start_peer(tmp_path):
    """Starts a script of ``peers/``; all of them end with the test."""
    if not PYTHON.exists() or not (ENVIRONMENT / ".ready").exists():
        pytest.skip("the other implementations are not installed (make setup-interop)")
    async with contextlib.AsyncExitStack() as stack:

        async def start(script):
            peer = await Peer.start(script, tmp_path)
            stack.push_async_callback(peer.stop)
            return peer

        yield start


@pytest.fixture
async def sdk(start_peer):
    """The official Python SDK."""
    return await start_peer("official_sdk")


@pytest.fixture
async def avatar_sdk(start_peer):
    """The last official Python SDK but a few that has a model driven by sound."""
    if not (ENVIRONMENT / "avatar-sdk" / ".ready").exists():
        pytest.skip("the Python SDK with avatars is not installed (make setup-interop)")
    return await start_peer("avatar_sdk")


@pytest.fixture
async def plain(start_peer):
    """An aiortc peer that speaks the messages by itself."""
    return await start_peer("plain_peer")


@pytest.fixture
async def start_page(start_peer):
    """Opens a page of ``pages/`` in Chromium."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("Chromium is not installed (make setup-interop)")

    async def start(page, *, hide_addresses=True):
        browser = await start_peer("browser")
        await browser.call(
            "open_page",
            program=program,
            page=page,
            hide_addresses=hide_addresses,
            modules=str(SDK_PACKAGE.parents[1]),
            sandbox=os.geteuid() != 0,
        )
        if not await browser.call("offers_h264"):
            pytest.skip("this Chromium was built without H.264 for WebRTC")
        return browser

    return start


@pytest.fixture
def js_sdk():
    """Skips where the official JavaScript SDK is not installed."""
    if not SDK_PACKAGE.exists():
        pytest.skip("the npm package of the JavaScript SDK is not installed (make setup-interop)")


class Probe:
    """A model that inverts, and tells the test each change of its state."""

    def __init__(self):
        self._states = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._last = {}

    def __call__(self, frame, context):
        image = None if context.image is None else context.image.shape
        state = {"prompt": context.prompt, "enhance": context.enhance, "image": image}
        if self._last.get(context.session_id) != state:
            self._last[context.session_id] = state
            self._loop.call_soon_threadsafe(self._states.put_nowait, state)
        return 255 - frame

    async def next_state(self):
        """The next state that a frame was made with and the one before it was not."""
        return await asyncio.wait_for(self._states.get(), CALL_TIMEOUT)


@pytest.fixture
async def probe():
    return Probe()


@pytest.fixture
async def server(probe):
    """Our service with the model ``probe``."""
    async with ph.LocalServer() as server:
        server.model("probe", width=320, height=240)(probe)
        yield server


@pytest.fixture
def picture():
    """Makes a PNG of a size, as base64; noise, so that it cannot be compressed."""

    def make(width, height):
        pixels = np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)
        encoded = io.BytesIO()
        Image.fromarray(pixels).save(encoded, "PNG", compress_level=0)
        return base64.b64encode(encoded.getvalue()).decode()

    return make
