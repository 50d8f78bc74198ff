"""``docs/protocol.md`` lists where other clients fail, and every row names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "protocol.md").read_text("utf-8")
SOURCES = [ROOT / "src", ROOT / "python" / "parhelion"]
ROW = re.compile(r"^\| (\d+) \|(.+)\|(.+)\|(.+)\|$", re.MULTILINE)
TEST = re.compile(r"`([\w./]+\.(?:rs|py))::(\w+)`")

# The service that the reference describes; what names itself in documents and tests; and loopback.
HOSTS = re.compile(
    r"(\*+|api3?\.decart\.ai|(www\.)?webrtc\.org|([\w-]+\.)*example(\.com)?|localhost|[\d.]+|\[?[\da-fx.:]*\]?"
    r"|h|u|host|user|\d+x[\w.]*|0x[\w.]*)"
)


def rows() -> dict[int, str]:
    _, _, section = PAGE.partition("## Where other clients fail")
    return {int(number): tests for number, _, _, tests in ROW.findall(section)}


def test_every_known_failure_has_a_row():
    assert list(rows()) == list(range(1, 29))


def test_every_row_names_tests_that_exist():
    for number, cell in rows().items():
        tests = TEST.findall(cell)
        assert tests, f"row {number} names no test"
        for file, name in tests:
            text = (ROOT / file).read_text("utf-8")
            assert re.search(rf"\b(fn|def) {name}\(", text), f"row {number}: no {name} in {file}"


def test_no_other_host_is_spoken_to():
    """No telemetry, no look at a newer version: only the service that was asked for."""
    named = set()
    for folder in SOURCES:
        for path in [*folder.rglob("*.rs"), *folder.rglob("*.py")]:
            text = path.read_text("utf-8")
            named |= set(re.findall(r"\b(?:https?|wss?)://([^\s/:\"'`?#{}@<>)\\]+)", text))
    assert len(named) > 3
    assert sorted(host for host in named if not HOSTS.fullmatch(host)) == []
