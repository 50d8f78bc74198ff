"""Programs that end in every way a program can end."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys

import pytest

import parhelion as ph

OPEN = """
import asyncio, sys
import numpy as np
import parhelion as ph

KEY = "a-key-that-no-log-may-show"
PICTURE = np.full((240, 320, 3), 90, np.uint8)

async def main():
    server = ph.LocalServer(api_key=KEY)
    await server.start()
    client = ph.Client(KEY, base_url=server.url)
    session = await client.realtime.connect(model="mirage_v2")
    frame = await session.transform(PICTURE)
    print(frame.shape)
"""


@pytest.mark.parametrize("keep", ["", "    keep.append((server, session, frame))\n"])
def test_a_program_that_never_disconnects_ends_cleanly(program, keep):
    done = program("keep = []\n" + OPEN + keep + "\nasyncio.run(main())")
    assert (done.returncode, done.stdout, done.stderr) == (0, "(240, 320, 3)\n", "")


def test_an_exception_is_all_that_is_seen(program):
    done = program(OPEN + "    raise RuntimeError('mine')\n\nasyncio.run(main())")
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("RuntimeError: mine")
    assert done.stderr.count("Traceback") == 1


def test_sys_exit_in_the_middle(program):
    done = program(OPEN + "    sys.exit(3)\n\nasyncio.run(main())")
    assert (done.returncode, done.stderr) == (3, "")


def test_frames_that_never_stop_do_not_keep_a_program_alive(program):
    done = program(
        OPEN
        + """
    import threading
    def feed():
        while True:
            try:
                session.send(PICTURE)
            except ph.InvalidStateError:
                return
    threading.Thread(target=feed, daemon=True).start()
    async for frame in session.frames():
        if frame.input_id > 20:
            break

asyncio.run(main())"""
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_model_that_is_stuck_does_not_keep_a_program_alive(program):
    done = program(
        OPEN
        + """
    import threading
    entered = asyncio.Event()
    loop = asyncio.get_running_loop()
    @server.model("stuck")
    def stuck(frame, context):
        loop.call_soon_threadsafe(entered.set)
        threading.Event().wait()
    model = ph.ModelDefinition("stuck", 25, 64, 48)
    other = await client.realtime.connect(model=model)
    other.send(PICTURE)
    await entered.wait()

asyncio.run(main())"""
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_several_loops_one_after_the_other(program):
    done = program(OPEN + "\nfor _ in range(3): asyncio.run(main())")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("(240, 320, 3)") == 3


def test_no_secret_is_in_any_log(program):
    done = program(
        OPEN + "    await session.disconnect()\n    await server.close()\n\nasyncio.run(main())",
        PARHELION_LOG="trace",
    )
    assert done.returncode == 0
    log = done.stdout + done.stderr
    assert "parhelion::client" in log
    assert "a-key-that-no-log-may-show" not in log
    assert not re.search(r"api_key=(?!\*)[^&\s\"]", log)
    assert not re.search(r"ice-pwd[:=]\s*\"?[A-Za-z0-9+/]{8}", log)


async def serve(*arguments: str) -> tuple[asyncio.subprocess.Process, dict[str, str]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "parhelion", "serve", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    line = await asyncio.wait_for(process.stdout.readline(), 20)
    return process, json.loads(line)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_service_on_the_command_line_ends_when_it_is_told_to(number, record, picture):
    process, told = await serve()
    client = ph.Client(told["api_key"], base_url=told["url"])
    session = await client.realtime.connect(model="mirage_v2", attempts=0)
    events = record(session)
    assert (await session.transform(picture())).shape == (240, 320, 3)
    process.send_signal(number)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, out, err) == (0, b"", b"")
    await events.until(lambda seen: "disconnected" in seen.states)
    await session.disconnect()


async def test_a_service_that_is_killed_is_noticed(record):
    process, told = await serve("--api-key", "chosen")
    assert told["api_key"] == "chosen"
    client = ph.Client("chosen", base_url=told["url"])
    session = await client.realtime.connect(model="mirage_v2", attempts=0)
    events = record(session)
    process.kill()
    await process.communicate()
    await events.until(lambda seen: "disconnected" in seen.states)
    (error,) = events.of("error")
    assert isinstance(error, ph.WebSocketError)
    await session.disconnect()


async def test_the_command_line_says_what_is_wrong(server):
    port = server.url.rsplit(":", 1)[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "parhelion", "serve", "--port", port),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert out == b""
    assert err.startswith(b"parhelion: ")
    assert b"cannot listen" in err
    assert b"Traceback" not in err


async def test_the_command_line_tells_its_build():
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "parhelion", "info"), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert json.loads(out) == ph.build_info()


def test_a_forked_child_is_told_why_it_cannot_connect_and_ends(program):
    done = program(
        OPEN
        + """
    import os
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            ph.LocalServer().__enter__()
        except ph.InvalidStateError as error:
            print("forked" in str(error), "spawn" in str(error))
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
    await session.disconnect()

asyncio.run(main())"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "(240, 320, 3)\nTrue True\n"
