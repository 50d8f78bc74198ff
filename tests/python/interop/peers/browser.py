"""Chromium, and the pages in it: calls go through a WebSocket to the functions of the page."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import rpc
from aiohttp import web

PAGES = Path(__file__).resolve().parent.parent / "pages"
# Files of the one dependency that is no ECMAScript module.
RETRY = ("lib/retry_operation.js", "lib/retry.js", "index.js")
FLAGS = (
    "--headless=new",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-sync",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
)


class Browser:
    """One Chromium with one page."""

    def __init__(self) -> None:
        self._page: asyncio.Future[web.WebSocketResponse] = (
            asyncio.get_running_loop().create_future()
        )
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._cleanup = contextlib.AsyncExitStack()
        self._modules = Path()

    async def open_page(
        self, program: str, page: str, hide_addresses: bool, modules: str, sandbox: bool
    ) -> None:
        self._modules = Path(modules)
        application = web.Application()
        application.router.add_get("/control", self._control)
        application.router.add_get("/retry.mjs", self._retry)
        if self._modules.is_dir():
            application.router.add_static("/modules", self._modules)
        application.router.add_static("/", PAGES)
        runner = web.AppRunner(application)
        await runner.setup()
        self._cleanup.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]

        profile = self._cleanup.enter_context(
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        )
        flags = [*FLAGS, f"--user-data-dir={profile}"]
        if not sandbox:
            flags.append("--no-sandbox")
        if not hide_addresses:
            flags.append("--disable-features=WebRtcHideLocalIpsWithMdns")
        # In a group of its own, which ends with us.
        process = await asyncio.create_subprocess_exec(
            program,
            *flags,
            f"http://127.0.0.1:{port}/{page}",
            stdout=sys.stderr,
            stderr=sys.stderr,
            start_new_session=True,
        )
        self._cleanup.push_async_callback(stop, process)
        gone = asyncio.ensure_future(process.wait())
        await asyncio.wait((gone, self._page), return_when=asyncio.FIRST_COMPLETED)
        if not self._page.done():
            raise RuntimeError(f"{program} ended with status {gone.result()}")
        gone.cancel()

    async def _control(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        self._page.set_result(socket)
        async for message in socket:
            self._answers.put_nowait(json.loads(message.data))
        return socket

    async def _retry(self, _request: web.Request) -> web.Response:
        """The package ``retry`` as a module, for want of a bundler."""
        folder = self._modules / "retry"
        parts = ["const modules = {};"]
        for name in RETRY:
            source = (folder / name).read_text()
            stem = Path(name).stem
            parts.append(
                f"modules[{stem!r}] = {{exports: {{}}}};\n"
                "((module, exports, require) => {\n"
                f"{source}\n"
                f"}})(modules[{stem!r}], modules[{stem!r}].exports,"
                " (path) => modules[path.split('/').pop()].exports);"
            )
        parts.append("export default modules.index.exports;")
        return web.Response(text="\n".join(parts), content_type="text/javascript")

    async def call_page(self, name: str, arguments: dict[str, Any]) -> Any:
        await self._page.result().send_json({"name": name, "arguments": arguments})
        answer = await self._answers.get()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer.get("result")

    async def close(self) -> None:
        await self._cleanup.aclose()


async def stop(process: asyncio.subprocess.Process) -> None:
    """Ends Chromium with all its processes."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def main() -> None:
    browser = Browser()
    try:
        await rpc.serve([browser.open_page], browser.call_page)
    finally:
        await browser.close()


asyncio.run(main())
