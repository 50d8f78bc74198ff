"""The link itself does what it is told, and leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

ECHO = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:
    echo.bind((sys.argv[1], 9000))
    print(flush=True)
    while True:
        data, sender = echo.recvfrom(2048)
        echo.sendto(data, sender)
"""
ASK = """
import json, socket, sys, time
address, count, size, pause = sys.argv[1], *map(float, sys.argv[2:])
order = []
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ask:
    ask.connect((address, 9000))
    ask.settimeout(1.0)
    for number in range(int(count)):
        ask.send(number.to_bytes(4, "big") + bytes(int(size) - 4))
        time.sleep(pause)
    while True:
        try:
            number = int.from_bytes(ask.recv(2048)[:4], "big")
        except (TimeoutError, ConnectionError):
            break
        order.append(number)
print(json.dumps(order))
"""


CONNECT = """
import errno, socket, sys
with socket.socket() as stream:
    sys.exit(stream.connect_ex((sys.argv[1], 9)) != errno.ECONNREFUSED)
"""


def refused(link) -> bool:
    """Whether TCP reaches the other end, where nobody listens."""
    command = [sys.executable, "-S", "-c", CONNECT, link.service.address]
    return link.client.start(command).wait(10) == 0


@pytest.fixture
def ask(link):
    """Sends numbered packets to an echo at the other end; returns which come back, in order."""
    echo = link.service.start(
        [sys.executable, "-c", ECHO, link.service.address], stdout=subprocess.PIPE
    )
    assert echo.stdout is not None
    echo.stdout.readline()

    def ask(count: int, size: int = 100, pause: float = 0.0005) -> list[int]:
        arguments = [link.service.address, str(count), str(size), str(pause)]
        asking = link.client.start(
            [sys.executable, "-c", ASK, *arguments], stdout=subprocess.PIPE, text=True
        )
        output, _ = asking.communicate(timeout=30)
        return json.loads(output)

    return ask


def test_what_is_lost_is_lost_by_the_seed(link, ask):
    came = []
    for _ in range(2):
        link.set("up", loss=0.2, seed=7)
        came.append(ask(200))
    assert came[0] == came[1]
    assert 130 < len(came[0]) < 190
    counters = link.counters()
    assert counters["up"]["lost"] == 400 - len(came[0]) - len(came[1])
    assert counters["down"]["lost"] == 0


def test_both_ways_differ_and_can_be_set_apart(link, ask):
    link.set("up", duplicate=1.0)
    link.set("down", blackout=True)
    assert ask(20) == []
    counters = link.counters()
    assert counters["up"]["duplicated"] == 20
    assert counters["down"]["blacked_out"] == 40
    link.set("both")
    assert ask(20) == list(range(20))


def test_packets_overtake_and_udp_can_be_blocked(link, ask):
    link.set("down", reorder=0.2, seed=1)
    came = ask(200)
    assert sorted(came) == list(range(200)) != came
    link.set("both", block_udp=True)
    assert ask(5) == []
    assert link.counters()["up"]["blocked"] == 5
    assert refused(link)


def test_a_rate_bounds_what_passes_and_how_long_it_waits(link, ask):
    # 200 packets of 1028 bytes at once, where a quarter of a second holds 30 of them.
    link.set("up", rate=1_000_000, queue=0.25)
    came = ask(200, 1000, 0.0)
    assert 20 < len(came) < 60
    assert link.counters()["up"]["overflowed"] == 200 - len(came)


def test_delay_is_kept(link):
    link.set("both", delay=0.05)
    began = time.monotonic()
    assert refused(link)
    assert time.monotonic() - began >= 0.1


def test_nothing_is_left_behind(link):
    before = {path.name for path in Path("/sys/class/net").iterdir()}
    assert "tun0" not in before, "the device belongs into the namespaces"
    pid = link.client._holder.pid
    link.client.close()
    assert not Path(f"/proc/{pid}").exists()
