"""A link that is in order takes one attempt, whatever else is not."""

from __future__ import annotations


def handshake(camera) -> float:
    """Milliseconds from the offer until media flowed, at the first attempt."""
    camera.until("shown")
    told = [event for event in camera.events if event["event"] == "diagnostic"]
    phases = {event["phase"]: event for event in told if event["name"] == "phase_timing"}
    assert len(told) == len(phases) == 4, f"more than one attempt: {told}"
    assert all(phase["success"] for phase in phases.values()), phases
    return phases["webrtc-handshake"]["duration_ms"]


def test_a_link_in_order_takes_one_attempt(bench):
    handshake(bench.film(bench.serve().until("listening")["url"]))


def test_a_name_server_that_does_not_answer_is_not_waited_for(bench):
    """Two lookups of the system take ten seconds each there."""
    servers = ["stun:stun.example.com:3478", "stun:stun.example.net:3478"]
    camera = bench.film(bench.serve().until("listening")["url"], ice_servers=servers)
    assert handshake(camera) < 8000
