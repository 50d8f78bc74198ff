"""Fixtures of these tests: the application, connected to the service of the test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import parhelion as ph
from photo_booth import PhotoBooth


@pytest.fixture
def booth(realtime_server: ph.LocalServer) -> Callable[..., PhotoBooth]:
    """Makes a booth, not open yet, that uses the local service in place of the real one."""

    def make(*, patience: float = 10.0, answer_within: float = 2.0) -> PhotoBooth:
        client = ph.Client(realtime_server.api_key, base_url=realtime_server.url)
        return PhotoBooth(client, patience=patience, answer_within=answer_within)

    return make
