"""Two network namespaces and a bad link between them, for tests and benches.

>>> with open_link() as link:
...     service = link.service.start([sys.executable, "service.py", link.service.address])
...     client = link.client.start([sys.executable, "client.py", link.service.address])
...     link.set("both", loss=0.03, delay=0.02)

Programs started in a namespace reach each other through the link only. Both namespaces are held
by processes of ours, so that they go when we go, however we go. Linux only; as root, or where
anybody may make user namespaces. :class:`LinkUnavailableError` says what is missing.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Link", "LinkUnavailableError", "Namespace", "open_link"]

_HERE = Path(__file__).parent
_TARGET = Path(os.environ.get("CARGO_TARGET_DIR", _HERE.parents[1] / "target"))
_CLIENT, _SERVICE = "10.77.0.1", "10.77.0.2"
_PATIENCE = 10.0


class LinkUnavailableError(RuntimeError):
    """What a link needs is not here; the text says what."""


class Namespace:
    """A network namespace with one address, at one end of the link.

    Without ``route`` it has ways to its own network only: none out of it, and no multicast.
    """

    def __init__(self, address: str, route: bool = True) -> None:
        self.address = address
        self._programs: list[subprocess.Popen[Any]] = []
        ours, theirs = socket.socketpair()
        ours.settimeout(_PATIENCE)
        holder = [sys.executable, str(_HERE / "namespace.py"), str(theirs.fileno()), address]
        holder += ["route"] if route else []
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        with theirs:
            self._holder = subprocess.Popen(
                ["unshare", *user, "--net", *holder],
                pass_fds=[theirs.fileno()],
                stderr=subprocess.PIPE,
                text=True,
            )
        self._socket = ours
        self._enter = ["nsenter", f"--target={self._holder.pid}", "--net"]
        self._enter += ["--user", "--preserve-credentials"] if user else []
        _, devices, _, _ = socket.recv_fds(ours, 1, 1)
        if not devices:
            _, reason = self._holder.communicate()
            self.close()
            why = (reason.splitlines() or ["it ended"])[-1]
            raise LinkUnavailableError(f"no network namespace with a TUN device: {why}")
        self.device = devices[0]

    def start(self, command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Starts a program at this end; it is killed with the link. Options as of ``Popen``."""
        program = subprocess.Popen([*self._enter, *command], **options)
        self._programs.append(program)
        return program

    def move(self, address: str) -> None:
        """Exchanges the address, as a laptop does that changes its network."""
        self._socket.sendall(f"{address}\n".encode("ascii"))
        if not self._socket.recv(1):
            raise LinkUnavailableError(f"the address {address} was not taken")
        self.address = address

    def close(self) -> None:
        """Kills what runs here and removes the namespace."""
        for program in self._programs:
            program.kill()
            program.wait()
            for pipe in (program.stdin, program.stdout, program.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):  # what was not written yet
                        pipe.close()
        self._socket.close()
        self._holder.wait(_PATIENCE)
        if self._holder.stderr is not None:
            self._holder.stderr.close()


class Link:
    """Two ends, and what happens to packets between them. Made by :func:`open_link`."""

    def __init__(self, client: Namespace, service: Namespace, control: socket.socket) -> None:
        self.client, self.service = client, service
        self.history: list[dict[str, Any]] = []
        """What was set, seeds included."""
        self._control = control
        self._answers = control.makefile("r", encoding="utf-8")

    def set(
        self,
        way: str = "both",
        *,
        loss: float = 0.0,
        burst: float | None = None,
        delay: float = 0.0,
        jitter: float = 0.0,
        reorder: float = 0.0,
        duplicate: float = 0.0,
        rate: int | None = None,
        queue: float = 0.2,
        blackout: bool = False,
        block_udp: bool = False,
        seed: int | None = None,
    ) -> None:
        """Changes one way of the link from now on. Whatever is left out is as on a perfect link.

        Args:
            way: ``"up"``, from the client to the service, ``"down"`` or ``"both"``.
            loss: Share of packets that are lost, 0 to 1.
            burst: Mean length of a run of lost packets, at least 1; None: each for itself.
            delay: Seconds that a packet takes.
            jitter: Up to so many seconds more; the order stays.
            reorder: Share of packets that later ones overtake.
            duplicate: Share of packets that arrive twice.
            rate: Bits per second; None: no limit.
            queue: What would wait longer than these seconds for the rate is lost.
            blackout: Nothing passes.
            block_udp: No UDP passes.
            seed: Begins the sequence of chances anew.
        """
        settings = {name: value for name, value in locals().items() if name != "self"}
        self.history.append(settings)
        self._ask({"set": settings})

    def counters(self) -> dict[str, dict[str, int]]:
        """What has become of the packets ``up`` and ``down`` since the start."""
        return self._ask("counters")

    def _ask(self, command: Any) -> dict[str, dict[str, int]]:
        self._control.sendall(f"{json.dumps(command)}\n".encode())
        line = self._answers.readline()
        if not line:
            raise LinkUnavailableError(f"the emulator ended at {command}; stderr says why")
        answer: dict[str, dict[str, int]] = json.loads(line)
        return answer


@contextlib.contextmanager
def open_link(seed: int = 0, *, route: bool = True) -> Iterator[Link]:
    """A link that is perfect until :meth:`Link.set`, and gone when the block is left.

    ``route`` as of :class:`Namespace`, at both ends.
    """
    emulator = _emulator()
    if sys.platform != "linux":
        raise LinkUnavailableError("network namespaces are Linux's")
    with contextlib.ExitStack() as stack:
        client = Namespace(_CLIENT, route)
        stack.callback(client.close)
        service = Namespace(_SERVICE, route)
        stack.callback(service.close)
        control, process = _start(emulator, [client, service])
        stack.callback(_stop, control, process)
        link = Link(client, service, control)
        link.set(seed=seed)
        yield link


def _emulator() -> Path:
    """The newest build of ``emulator.rs``."""
    builds = _TARGET.glob("*/examples/link-emulator")
    newest = max(builds, key=lambda path: path.stat().st_mtime, default=None)
    if newest is None:
        raise LinkUnavailableError(
            "the link emulator is not built: cargo build --release --example link-emulator"
        )
    return newest


def _start(emulator: Path, ends: Sequence[Namespace]) -> tuple[socket.socket, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="parhelion-link-") as folder,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        path = f"{folder}/control"
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(_PATIENCE)
        client, service = (end.device for end in ends)
        process = subprocess.Popen([str(emulator), path], stdin=client, stdout=service)
        for end in ends:
            os.close(end.device)
        try:
            control, _ = listener.accept()
        except TimeoutError:
            process.kill()
            process.wait()
            raise LinkUnavailableError("the emulator did not start; stderr says why") from None
    control.settimeout(_PATIENCE)
    return control, process


def _stop(control: socket.socket, process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):  # it has ended
        control.shutdown(socket.SHUT_RDWR)
    control.close()
    try:
        process.wait(_PATIENCE)
    finally:
        process.kill()
        process.wait()
