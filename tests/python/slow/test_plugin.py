"""The pytest plugin in runs of its own, as in the project of a user."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "pytest_your_app"

# Each starts a process of pytest, and a machine may be busy.
pytestmark = pytest.mark.timeout(180)

ASYNC = """
    from parhelion.testing import read_stamp, stamped_frame

    {mark}
    async def test_a_frame(realtime_client{more}):
        rt = await realtime_client("mirage_v2", prompt="anime")
        assert read_stamp(await rt.transform(stamped_frame(7), timeout=20)) == 7
"""


class Project:
    """A folder with tests, and a way to run them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, **files: str) -> Project:
        for name, text in files.items():
            path = self.folder / name.replace("__", ".")
            path.write_text(textwrap.dedent(text), "utf-8")
        return self

    def run(self, *arguments: str, settings: str = "") -> subprocess.CompletedProcess[str]:
        settings = settings or 'asyncio_mode = "auto"'
        (self.folder / "pyproject.toml").write_text(
            '[tool.pytest.ini_options]\nfilterwarnings = ["error"]\n'
            'addopts = ["--strict-markers", "--strict-config"]\n'
            f'asyncio_default_fixture_loop_scope = "function"\n{settings}\n',
            "utf-8",
        )
        return self.run_as_it_is(*arguments)

    def run_as_it_is(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *arguments]
        environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )


@pytest.fixture
def project(tmp_path) -> Callable[..., Project]:
    return lambda **files: Project(tmp_path).write(**files)


def test_the_plugin_is_installed_by_name():
    (entry,) = importlib.metadata.entry_points(group="pytest11", name="parhelion")
    assert entry.value == "pytest_parhelion"


def test_it_costs_nothing_where_it_is_not_used(project):
    done = project(
        test_x__py="""
            import sys

            def test_nothing_was_imported():
                assert "pytest_parhelion" in sys.modules
                assert not {"parhelion", "numpy"} & sys.modules.keys()
        """
    ).run()
    assert done.returncode == 0, done.stdout


def test_the_package_does_not_need_pytest():
    code = "import parhelion.testing, sys; assert 'pytest' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=50)


def test_its_fixtures_are_documented(project):
    listed = project().run("--fixtures").stdout.split("fixtures defined from pytest_parhelion")[1]
    for name in ("realtime_server", "realtime_client", "sync_realtime_client"):
        assert f"\n{name} -- " in listed
    assert "no docstring" not in listed
    assert "@pytest.mark.realtime_server(**options)" in project().run("--markers").stdout


@pytest.mark.parametrize(
    ("mark", "settings", "plugins"),
    [
        ("", 'asyncio_mode = "auto"', []),
        ("@pytest.mark.asyncio", 'asyncio_mode = "strict"', []),
        ('@pytest.mark.asyncio(loop_scope="session")', 'asyncio_mode = "strict"', []),
        ("@pytest.mark.anyio", 'asyncio_mode = "strict"', []),
        ("@pytest.mark.anyio", "", ["-p", "no:asyncio"]),
    ],
    ids=["auto", "strict", "one loop for all", "anyio beside strict", "anyio alone"],
)
def test_coroutines_of_every_kind_of_run(project, mark, settings, plugins):
    more = ", anyio_backend" if "anyio" in mark else ""
    code = "import pytest\n" + textwrap.dedent(ASYNC.format(mark=mark, more=more))
    files = {"test_x__py": code + code.split("\n\n", 1)[1].replace("test_a_frame", "test_again")}
    if "anyio" in mark:
        files["conftest__py"] = """
            import pytest

            @pytest.fixture
            def anyio_backend():
                return "asyncio"
        """
    wanted = project(**files)
    if "no:asyncio" in plugins:
        # Its settings would be unknown.
        done = wanted.run(*plugins, "-c", os.devnull, "--rootdir", str(wanted.folder))
    else:
        done = wanted.run(*plugins, settings=settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_a_test_without_a_plugin_that_runs_it_is_told_what_to_do(project):
    wanted = project(test_x__py="import pytest\n" + textwrap.dedent(ASYNC.format(mark="", more="")))
    strict = wanted.run(settings='asyncio_mode = "strict"')
    assert strict.returncode == 1
    assert "@pytest.mark.asyncio" in strict.stdout
    assert 'asyncio_mode = "auto"' in strict.stdout
    empty = ["-c", os.devnull, "--rootdir", str(wanted.folder), "-p", "no:asyncio"]
    anyio = wanted.run(*empty)
    assert anyio.returncode == 1
    assert "@pytest.mark.anyio" in anyio.stdout
    none = wanted.run(*empty, "-p", "no:anyio")
    assert none.returncode == 1
    assert "install pytest-asyncio" in none.stdout
    assert "sync_realtime_client" in none.stdout


def test_options_come_from_fixtures_and_markers(project):
    done = project(
        test_x__py="""
            import pytest

            pytestmark = pytest.mark.realtime_server(max_sessions=3, api_key="of the module")

            @pytest.fixture
            def realtime_server_options():
                return {"max_bitrate": 1_000_000, "api_key": "of the fixture"}

            @pytest.fixture
            def realtime_server(realtime_server):
                @realtime_server.model("mine")
                def mine(frame, context):
                    return frame
                return realtime_server

            def test_of_the_module(realtime_server):
                assert realtime_server.api_key == "of the module"
                assert "mine" in realtime_server.model_names()

            @pytest.mark.realtime_server(api_key="of the test")
            def test_of_the_test(realtime_server):
                assert realtime_server.api_key == "of the test"

            @pytest.mark.realtime_server(sessions=1)
            def test_wrong(realtime_server):
                raise AssertionError("not reached")

            @pytest.mark.realtime_server(1)
            def test_nameless(realtime_server):
                raise AssertionError("not reached")

            @pytest.mark.realtime_server(port=-1)
            def test_out_of_range(realtime_server):
                raise AssertionError("not reached")
        """
    ).run()
    assert "2 passed, 3 errors" in done.stdout, done.stdout
    assert "unexpected keyword argument 'sessions'" in done.stdout
    assert "options by name" in done.stdout
    assert "0 to 65535" in done.stdout
    assert "not reached" not in done.stdout.split("short test summary")[-1]


def test_a_failure_tells_the_faults_and_their_seeds(project):
    done = project(
        test_x__py="""
            def test_x(realtime_server):
                realtime_server.faults.packets(loss=0.1, seed=4711)
                realtime_server.faults.refuse(times=1)
                assert False
        """
    ).run()
    assert done.returncode == 1
    section = done.stdout.split("faults of realtime_server")[1]
    assert "packets(loss=0.1, seed=4711) on" in section
    assert "<Faults packets(loss=0.1, seed=4711), refuse(" in section


def test_nothing_is_left_behind(project):
    done = project(
        conftest__py="""
            import os, pathlib, time

            def threads():
                found = []
                for task in pathlib.Path("/proc/self/task").iterdir():
                    try:
                        name = (task / "comm").read_text().strip()
                    except OSError:
                        continue
                    if name.startswith("parhelion") and name not in (
                        "parhelion-net", "parhelion-view", "parhelion-sync"
                    ):
                        found.append(name)
                return found

            def pytest_sessionfinish():
                until = time.monotonic() + 5
                while left := threads():
                    assert time.monotonic() < until, left
                    time.sleep(0.01)
        """,
        test_x__py="""
            import asyncio, socket
            import pytest

            ports = []

            @pytest.mark.parametrize("again", range(3))
            async def test_async(realtime_client, realtime_server, again):
                ports.append(int(realtime_server.url.rsplit(":", 1)[1]))
                await realtime_client()
                await realtime_client()

            @pytest.mark.parametrize("again", range(3))
            def test_sync(sync_realtime_client, realtime_server, again):
                ports.append(int(realtime_server.url.rsplit(":", 1)[1]))
                sync_realtime_client()

            async def test_nothing_runs():
                assert asyncio.all_tasks() == {asyncio.current_task()}
                for port in ports:
                    with socket.socket() as probe:
                        assert probe.connect_ex(("127.0.0.1", port)) != 0
        """,
    ).run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout


def test_the_example_application_passes_its_tests(tmp_path):
    folder = tmp_path / "pytest_your_app"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    done = Project(folder).run_as_it_is()
    assert done.returncode == 0, done.stdout + done.stderr
    (passed,) = re.findall(r"(\d+) passed in", done.stdout)
    assert int(passed) >= 19
    assert "warning" not in done.stdout
