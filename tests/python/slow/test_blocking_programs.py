"""Programs that use the blocking face, in every surrounding and to every end."""

from __future__ import annotations

import os
import sys

import pytest

OPEN = """
import os, sys, threading, time
import numpy as np
import parhelion as ph

PICTURE = np.full((240, 320, 3), 90, np.uint8)

session = ph.sync.connect("mirage_v2", audio=True, timeout=20)
print(session.transform(PICTURE, timeout=20).shape, flush=True)
"""
SHAPE = "(240, 320, 3)\n"

INTERRUPT = """
import signal

# Whoever runs the tests in the background may have it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

def inside(frame):
    while frame and "parhelion" not in frame.f_code.co_filename:
        frame = frame.f_back
    return frame

def interrupt(waiting):
    assert waiting is None or waiting.wait(20)
    while not inside(sys._current_frames()[threading.main_thread().ident]):
        time.sleep(0.01)
    time.sleep(0.1)  # it is about to wait now; when exactly nobody can see from outside
    os.kill(os.getpid(), signal.SIGINT)

def interrupted(call, waiting=None):
    threading.Thread(target=interrupt, args=(waiting,)).start()
    began = time.monotonic()
    try:
        call()
    except KeyboardInterrupt:
        print("interrupted", time.monotonic() - began < 10, flush=True)
"""


def test_the_capture_loop_of_the_documentation(program):
    """With a camera and a window of paper, since a test has neither."""
    done = program(
        """
        import sys, types
        import numpy as np

        class VideoCapture:
            def __init__(self, index): self.left = 40
            def read(self):
                self.left -= 1
                return self.left >= 0, np.full((240, 320, 3), 90, np.uint8)

        shown = []
        def imshow(name, picture):
            assert type(picture) is np.ndarray  # as OpenCV does
            shown.append((name, picture.shape))

        sys.modules["cv2"] = types.SimpleNamespace(
            VideoCapture=VideoCapture, imshow=imshow, waitKey=lambda ms: -1
        )

        import cv2, parhelion as ph

        capture = cv2.VideoCapture(0)
        with ph.sync.connect("mirage_v2", prompt="anime", format="bgr24") as rt:
            while True:
                ok, frame = capture.read()
                if not ok: break
                cv2.imshow("parhelion", rt.process(frame))
                if cv2.waitKey(1) == 27: break
        print(len(shown), set(shown))
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "40 {('parhelion', (240, 320, 3))}\n"


@pytest.mark.parametrize("keep", ["", "session.on('frame', print)", "del session"])
def test_a_program_that_never_disconnects_ends_cleanly(program, keep):
    done = program(OPEN + keep)
    assert (done.returncode, done.stdout, done.stderr) == (0, SHAPE, "")


def test_an_exception_is_all_that_is_seen(program):
    done = program(OPEN + "with session: raise RuntimeError('mine')")
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("RuntimeError: mine")
    assert done.stderr.count("Traceback") == 1


def test_sys_exit_in_a_handler_ends_nothing(program):
    done = program(
        OPEN
        + """
session.on("frame", lambda frame: sys.exit(3))
print(session.transform(PICTURE, timeout=20).shape)
session.set_prompt("noir")
print(session.transform(PICTURE, timeout=20).shape)
"""
    )
    assert done.returncode == 0
    assert done.stdout == 3 * SHAPE
    assert "a handler of 'frame' raised" in done.stderr


def test_a_handler_that_never_returns_does_not_keep_a_program_alive(program):
    done = program(
        OPEN
        + """
entered = threading.Event()
def stuck(*_):
    entered.set()
    threading.Event().wait()
session.on("frame", stuck)
session.send(PICTURE)
assert entered.wait(20)
"""
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_threads_that_wait_do_not_keep_a_program_alive(program):
    done = program(
        OPEN
        + """
def wait():
    try:
        session.recv()
    except ph.DisconnectedError:
        pass
for _ in range(4):
    threading.Thread(target=wait, daemon=True).start()
"""
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "call",
    [
        "session.recv",
        "lambda: list(session.remote_stream.audio_frames())",
        "lambda: session.recv(timeout=60)",
        "lambda: list(session.frames())",
        "session.remote_stream.recv",
        # The model waits, and with it whoever waits for its result.
        "lambda: stuck.transform(PICTURE, timeout=60)",
        "lambda: stuck.process(PICTURE, timeout=60)",
        # Two frames are under way, and a third has to wait.
        "lambda: [stuck.send(PICTURE) for _ in range(3)]",
        "lambda: [stuck.send(PICTURE), stuck.send(PICTURE), stuck.drain()]",
    ],
)
def test_ctrl_c_ends_every_wait_for_a_frame(program, call):
    done = program(
        OPEN
        + INTERRUPT
        + f"""
server = ph.sync.LocalServer()
server.start()
@server.model("stuck", width=64, height=48)
def model(frame, context):
    leave.wait(60)
    return frame
leave = threading.Event()
definition = ph.ModelDefinition("stuck", 25, 64, 48)
client = ph.sync.Client(server.api_key, base_url=server.url)
stuck = client.realtime.connect(model=definition, flow="wait", timeout=20)
interrupted({call})
# Both are as good as before.
leave.set()
if stuck.stats().frames_sent > 1:
    assert [stuck.recv(timeout=20).input_id for _ in range(2)] == [0, 1]
print(stuck.transform(PICTURE, timeout=20).shape)
print(session.transform(PICTURE, timeout=20).shape)
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == SHAPE + "interrupted True\n" + 2 * SHAPE


def test_ctrl_c_ends_a_connect_and_a_prompt(program):
    """A service that accepts and then says nothing."""
    done = program(
        "session = None"
        + OPEN
        + INTERRUPT
        + """
import asyncio, json
import websockets
from websockets.sync.server import serve

reached = threading.Event()
def behave(socket):
    for text in socket:
        reached.set()
silent = serve(behave, "127.0.0.1", 0)
threading.Thread(target=silent.serve_forever, daemon=True).start()
port = silent.socket.getsockname()[1]
client = ph.sync.Client("key", base_url=f"ws://127.0.0.1:{port}")
interrupted(lambda: client.realtime.connect(model="mirage_v2", timeout=60), reached)

entered, block = threading.Event(), threading.Event()
def stuck(frame):
    entered.set()
    block.wait(60)
session.on("frame", stuck)
session.send(PICTURE)
assert entered.wait(20)
interrupted(lambda: session.set_prompt("noir"))
block.set()
session.set_prompt("noir")
silent.shutdown()
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == SHAPE + 2 * "interrupted True\n"


def test_a_running_loop_is_not_touched(program):
    """As in a notebook: blocking calls and awaited ones in one cell."""
    done = program(
        OPEN
        + """
import asyncio

async def cell():
    loop = asyncio.get_running_loop()
    print(session.transform(PICTURE, timeout=20).shape)
    with ph.sync.LocalServer() as server:
        client = ph.Client(server.api_key, base_url=server.url)
        async with client.realtime.connect(model="mirage_v2") as other:
            print((await other.transform(PICTURE)).shape)
            print(session.process(PICTURE, timeout=20).shape)
    assert asyncio.all_tasks(loop) == {asyncio.current_task()}
    async with ph.sync.LocalServer() as server:
        print((await asyncio.to_thread(session.transform, PICTURE, timeout=20)).shape)

asyncio.run(cell())
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == 5 * SHAPE


FORK = """
def in_child(call):
    sys.stdout.flush()
    child = os.fork()
    if not child:
        call()
        sys.stdout.flush()
        sys.exit(0)  # like a program that ends, with all that it does then
    _, status = os.waitpid(child, 0)
    print("child", os.waitstatus_to_exitcode(status), flush=True)
"""
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
# From 3.12 on Python says itself that this is asking for trouble; here it is asked for.
QUIET = "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n"


@forks
def test_a_forked_child_is_told_what_it_cannot_use(program):
    done = program(
        QUIET
        + OPEN
        + FORK
        + """
server = ph.LocalServer().__enter__()
client = ph.sync.Client("key", base_url=server.url)
def use():
    for name, call in {
        "send": lambda: session.send(PICTURE),
        "recv": session.recv,
        "recv with a timeout": lambda: session.recv(timeout=30),
        "frames": lambda: list(session.frames()),
        "process": lambda: session.process(PICTURE),
        "transform": lambda: session.transform(PICTURE),
        "set_prompt": lambda: session.set_prompt("noir"),
        "set_image": lambda: session.set_image(PICTURE),
        "drain": session.drain,
        "play_audio": lambda: session.play_audio(np.zeros(480, np.int16), rate=48_000),
        "send_audio": lambda: session.send_audio(np.zeros(480, np.int16)),
        "recv_audio": session.remote_stream.recv_audio,
        "stats": session.stats,
        "subscribe": lambda: client.realtime.subscribe(session.subscribe_token),
        "tokens": client.tokens.create,
        "connect": lambda: ph.sync.connect("mirage_v2"),
        "server": ph.sync.LocalServer().start,
    }.items():
        try:
            call()
        except ph.InvalidStateError as error:
            assert "forked" in str(error) and "spawn" in error.hint, error
        else:
            print(name, "was let through")
    # What cleans up does so silently: nothing here is the child's.
    session.disconnect()
    server.__exit__(None, None, None)

in_child(use)
in_child(lambda: None)
print(session.transform(PICTURE, timeout=20).shape)
session.disconnect()
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == SHAPE + 2 * "child 0\n" + SHAPE


@forks
def test_a_forked_child_is_told_what_it_cannot_await(program):
    done = program(
        QUIET
        + FORK
        + """
import asyncio, os, sys
import numpy as np
import parhelion as ph

PICTURE = np.full((240, 320, 3), 90, np.uint8)

async def main():
    server = ph.LocalServer()
    await server.start()
    client = ph.Client(server.api_key, base_url=server.url)
    session = await client.realtime.connect(model="mirage_v2")
    print((await session.transform(PICTURE)).shape, flush=True)
    child = os.fork()
    if not child:
        async def connect():
            await client.realtime.connect(model="mirage_v2")

        async def loop():
            async for frame in session.frames():
                pass

        for call in (session.recv, lambda: session.transform(PICTURE), loop,
                     lambda: session.set_prompt("noir"), lambda: session.set_image(None),
                     session.drain, client.tokens.create, connect, server.start):
            try:
                asyncio.run(call())  # the loop of its parent does not run here
            except ph.InvalidStateError as error:
                assert "forked" in str(error) and "spawn" in error.hint, error
            else:
                print("was let through")
        asyncio.run(session.disconnect())
        asyncio.run(server.close())
        sys.stdout.flush()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print("child", os.waitstatus_to_exitcode(status))
    print((await session.transform(PICTURE)).shape)
    await session.disconnect()
    await server.close()

asyncio.run(main())
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == SHAPE + "child 0\n" + SHAPE


@forks
def test_a_child_that_is_forked_before_anything_is_used_has_all(program):
    done = program(
        QUIET
        + FORK
        + "import os, sys\nimport parhelion as ph\n"
        + "def use():\n"
        + "".join(f"    {line}\n" for line in OPEN.strip().splitlines())
        + """
in_child(use)
in_child(use)
use()
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == 2 * (SHAPE + "child 0\n") + SHAPE


@forks
def test_a_child_that_only_runs_another_program_is_no_matter(program):
    code = OPEN.replace('"', "'")
    done = program(
        QUIET
        + OPEN
        + f'''
import multiprocessing, subprocess
out = subprocess.run([sys.executable, "-c", """{code}"""], capture_output=True, text=True)
print(out.stdout + out.stderr, end="")
print(session.transform(PICTURE, timeout=20).shape)
with multiprocessing.get_context("fork").Pool(1) as pool:  # its work is of another kind
    print(pool.apply(len, ([1, 2],)))
print(session.transform(PICTURE, timeout=20).shape)
'''
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == 3 * SHAPE + "2\n" + SHAPE


def test_processes_that_are_spawned_have_all(tmp_path):
    import subprocess

    program = tmp_path / "program.py"
    program.write_text(
        """
import multiprocessing
import numpy as np
import parhelion as ph

PICTURE = np.full((240, 320, 3), 90, np.uint8)

def use(number):
    with ph.sync.connect("mirage_v2", timeout=20) as session:
        return session.transform(PICTURE, timeout=20).shape

if __name__ == "__main__":
    print(use(0))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(use, range(2)))
""",
        "utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", program], capture_output=True, text=True, timeout=50
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == SHAPE + "[(240, 320, 3), (240, 320, 3)]\n"
