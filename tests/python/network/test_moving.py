"""A client whose address changes while frames flow comes back by itself, with its newest state."""

from __future__ import annotations

import time

import pytest


@pytest.mark.timeout(120)
def test_another_address(link, bench):
    service = bench.serve()
    camera = bench.film(service.until("listening")["url"])
    camera.until("shown")
    camera.say("second")
    camera.until("prompt")
    camera.until("shown")
    link.client.move("10.77.0.9")
    moved = time.monotonic()
    camera.until(lambda event: event.get("state") == "reconnecting")
    camera.say("third")
    camera.until("prompt")
    # By the same stream of frames.
    camera.until("shown")
    result = camera.finish()
    assert result.undamaged, result.raw
    assert result.raw["state"] == "generating"
    assert result.raw["stats"]["reconnects"] + result.raw["stats"]["ice_restarts"] >= 1
    assert [one for one in result.shown_between(moved, moved + 60) if one[3] < 1.0]
    prompts = []
    while "third" not in prompts:
        prompts.append(service.until("prompt")["text"])
    assert prompts in (["first", "second", "third"], ["first", "second", "second", "third"])
