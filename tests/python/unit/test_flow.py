"""The policies of flow control as values."""

from __future__ import annotations

import dataclasses

import pytest

import parhelion as ph
from parhelion.flow import as_flow


def test_the_newest_wins_unless_told_otherwise():
    assert ph.Flow() == as_flow("latest") == ph.Flow("latest", "latest")
    assert ph.Flow()._arguments() == (("latest", 1), ("latest", 1))


@pytest.mark.parametrize(
    ("flow", "send", "receive"),
    [
        ("all", ("all", 32), ("all", 32)),
        ("wait", ("wait", 2), ("wait", 1)),
        (ph.Flow(send="wait"), ("wait", 2), ("latest", 1)),
        (ph.Flow(receive="all", receive_limit=64), ("latest", 1), ("all", 64)),
        (ph.Flow("all", "wait", 1, 5), ("all", 1), ("wait", 5)),
        (ph.Flow(send_limit=1), ("latest", 1), ("latest", 1)),
    ],
)
def test_limits_have_defaults(flow, send, receive):
    assert as_flow(flow)._arguments() == (send, receive)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"send": "newest"}, "send to be one of latest, all, wait, got 'newest'"),
        ({"receive": None}, "receive to be one of"),
        ({"send": "all", "send_limit": 0}, "send_limit to be an int from 1 to 64, got 0"),
        ({"send": "wait", "send_limit": 65}, "from 1 to 64"),
        ({"receive": "wait", "receive_limit": 1.0}, "receive_limit to be an int"),
        ({"receive": "all", "receive_limit": True}, "receive_limit to be an int"),
        ({"receive_limit": 2}, "keeps 1 frame, got receive_limit=2"),
    ],
)
def test_what_makes_no_sense_is_refused(options, text):
    with pytest.raises(ph.InvalidOptionsError, match=text):
        ph.Flow(**options)


@pytest.mark.parametrize("flow", ["newest", "", None, ("latest", "all"), ["wait"], 2])
def test_what_is_no_policy_is_refused(flow):
    with pytest.raises(ph.InvalidOptionsError, match="'latest', 'all', 'wait' or a Flow"):
        as_flow(flow)


def test_a_policy_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ph.Flow().send = "all"
