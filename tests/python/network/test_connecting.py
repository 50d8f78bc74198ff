"""A link that is in order takes one attempt, whatever else is not."""

from __future__ import annotations

import pytest


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


@pytest.mark.parametrize("link", ["no_route"], indirect=True)
@pytest.mark.parametrize("beside_client", [False, True])
def test_a_machine_without_a_route_reaches_its_own_network(bench, beside_client):
    service = bench.serve(beside_client=beside_client)
    handshake(bench.film(service.until("listening")["url"]))


def test_blocked_udp_is_named(link, bench):
    link.set("both", block_udp=True)
    service = bench.serve()
    camera = bench.film(service.until("listening")["url"], timeout=6)
    failed = camera.until("failed")
    took = failed["at"] - camera.events[0]["at"]
    assert failed["code"] == "WEBRTC_TIMEOUT_ERROR", failed
    assert "ice step" in failed["text"], failed
    assert "UDP" in failed["text"], failed
    assert took < 20, failed
    # The service has noticed that the client is gone.
    count = None
    while count != 0:
        service.say("")
        count = service.until("sessions")["count"]
