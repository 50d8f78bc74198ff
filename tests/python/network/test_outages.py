"""The link is cut, narrow or shared: the session lives, and what is shown then is new and whole."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

FLOOD = """
import socket, sys, time
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
    while True:
        flood.sendto(bytes(1000), (sys.argv[1], 9))
        time.sleep(8 * 1000 / float(sys.argv[2]))
"""


@pytest.mark.timeout(120)
def test_a_blackout_of_ten_seconds(link, camera):
    link.set("both", delay=0.02)
    time.sleep(1.0)
    link.set("both", blackout=True)
    time.sleep(10.0)
    link.set("both", delay=0.02)
    over = time.monotonic()
    camera.say("second")
    camera.until("prompt")
    camera.until("shown")
    time.sleep(1.0)
    result = camera.finish()
    assert result.undamaged, result.raw
    assert result.raw["state"] == "generating"
    fresh = [shown for shown in result.shown_between(over, over + 60) if shown[3] < 1.0]
    assert fresh, "nothing new was shown after the black-out"


@pytest.mark.timeout(120)
def test_a_competing_flow(link, camera):
    """Another program takes a third of a narrow link: what is shown stays whole."""
    link.set("both", rate=3_000_000, delay=0.02)
    command = [sys.executable, "-c", FLOOD, link.service.address, "1000000"]
    link.client.start(command, stderr=subprocess.DEVNULL)
    begin = time.monotonic()
    time.sleep(6.0)
    result = camera.finish()
    shown = result.between(begin + 1.0, begin + 6.0)
    assert result.undamaged, result.raw
    assert shown.share >= 0.5, shown
    assert result.raw["state"] == "generating"


@pytest.mark.timeout(120)
def test_a_link_that_becomes_narrow_and_wide_again(link, camera):
    """From 5 Mb/s to 500 kb/s and back: what is shown is never old for long, and never damaged."""
    settle = 6.0
    link.set("both", rate=5_000_000, delay=0.02)
    time.sleep(2.0)
    limited = time.monotonic()
    link.set("both", rate=500_000, delay=0.02)
    time.sleep(2 * settle)
    lifted = time.monotonic()
    link.set("both", rate=5_000_000, delay=0.02)
    time.sleep(2 * settle)
    result = camera.finish()
    assert result.undamaged, result.raw
    narrow = result.shown_between(limited + settle, lifted)
    assert narrow, "nothing was shown"
    assert max(latency for *_, latency in narrow) < 2.5, narrow
    wide = result.shown_between(lifted + settle, lifted + 2 * settle)
    # Of 150 that are sent meanwhile: half are left out as long as the rate is not back.
    assert len(wide) >= 20, wide
    assert max(latency for *_, latency in wide) < 1.0, wide
    assert result.raw["state"] == "generating"
