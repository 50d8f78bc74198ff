"""The pytest plugin of Parhelion: a real-time service for each test, and sessions with it.

pytest loads it wherever Parhelion is installed, so it imports nothing of Parhelion before a test
asks for one of its fixtures.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from parhelion import LocalServer
    from parhelion.testing import RealTimeClients, SyncRealTimeClients

__all__ = [
    "realtime_client",
    "realtime_server",
    "realtime_server_options",
    "sync_realtime_client",
]

_TOLD = 20


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line(
        "markers",
        "realtime_server(**options): options of parhelion.LocalServer for the fixture"
        " realtime_server, such as max_sessions=1; the closest marker wins",
    )


@pytest.fixture
def realtime_server_options() -> dict[str, Any]:
    """Options of the fixture realtime_server. Override it to change them for many tests."""
    return {}


@pytest.fixture
def realtime_server(
    request: pytest.FixtureRequest, realtime_server_options: dict[str, Any]
) -> Iterator[LocalServer]:
    """A running real-time service in this process, a new one for each test.

    It is a parhelion.LocalServer: its url and api_key are what the program under test needs,
    @realtime_server.model(...) registers models, and realtime_server.faults is the switchboard of
    what is to go wrong. Options come from the marker realtime_server and from the fixture
    realtime_server_options. Works in tests with and without an event loop.
    """
    from parhelion import LocalServer

    options = dict(realtime_server_options)
    for marker in reversed(list(request.node.iter_markers("realtime_server"))):
        if marker.args:
            raise pytest.UsageError(
                f"realtime_server: expected options by name, such as max_sessions=1, got"
                f" {marker.args!r}"
            )
        options |= marker.kwargs
    try:
        server = LocalServer(**options)
    except TypeError as error:
        raise pytest.UsageError(
            f"realtime_server: {error}; expected options of parhelion.LocalServer"
        ) from None
    with server:
        try:
            yield server
        finally:
            # What hangs must not be waited for.
            server.faults.reset()


@pytest.fixture
def realtime_client(realtime_server: LocalServer) -> Iterator[RealTimeClients]:
    """Opens sessions with the test's service, which end with the test.

    Call it: `rt = await realtime_client("mirage_v2", prompt="anime")`, or in `async with`. It is
    for tests that are `async def`, run by pytest-asyncio or anyio, and itself no async fixture: any
    mode will do.
    """
    from parhelion.testing import RealTimeClients

    clients = RealTimeClients(realtime_server)
    try:
        yield clients
    finally:
        clients.close()


@pytest.fixture
def sync_realtime_client(realtime_server: LocalServer) -> Iterator[SyncRealTimeClients]:
    """Opens blocking sessions with the test's service, which end with the test.

    Call it: `rt = sync_realtime_client("mirage_v2", prompt="anime")`. For tests without an event
    loop.
    """
    from parhelion.testing import SyncRealTimeClients

    clients = SyncRealTimeClients(realtime_server)
    try:
        yield clients
    finally:
        clients.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, None]:
    """Says what to do where pytest finds that nothing runs a test that is a coroutine."""
    outcome = yield
    if not inspect.iscoroutinefunction(getattr(pyfuncitem, "obj", None)):
        return
    if "realtime_client" not in pyfuncitem.fixturenames or outcome.excinfo is None:
        return
    if "natively supported" in str(outcome.excinfo[1]):
        outcome.force_exception(pytest.fail.Exception(_advice(pyfuncitem.config), pytrace=False))


def _advice(config: pytest.Config) -> str:
    what = "realtime_client: this test is a coroutine, and nothing runs it in an event loop: "
    if config.pluginmanager.hasplugin("asyncio"):
        return (
            what + "pytest-asyncio is in strict mode. Mark the test with @pytest.mark.asyncio, or"
            ' set asyncio_mode = "auto" in the configuration of pytest.'
        )
    if config.pluginmanager.hasplugin("anyio"):
        return what + "mark it with @pytest.mark.anyio."
    return (
        what + "install pytest-asyncio, or use the fixture sync_realtime_client in a test that is"
        " no coroutine."
    )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Adds to the report of a failure what went wrong on purpose, with its seeds."""
    outcome = yield
    report = outcome.get_result()
    if report.when != "call" or not report.failed:
        return
    server = getattr(item, "funcargs", {}).get("realtime_server")
    faults = getattr(server, "faults", None)
    if faults is not None and faults.history:
        lines = [*map(str, faults.history[-_TOLD:]), f"on at the end: {faults!r}"]
        report.sections.append(("faults of realtime_server", "\n".join(lines)))
