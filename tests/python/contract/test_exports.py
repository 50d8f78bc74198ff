"""What the package offers is what it lists, documents and ships."""

from __future__ import annotations

import importlib
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import parhelion as ph
from parhelion import _core, errors

ROOT = Path(__file__).parents[3]
MODULES = [
    "audio",
    "client",
    "errors",
    "events",
    "flow",
    "frames",
    "ice",
    "images",
    "landmarks",
    "models",
    "opening",
    "prompts",
    "realtime",
    "retry",
    "server",
    "sources",
    "statistics",
    "streams",
    "unset",
    "tokens",
    "viewer",
]
# What a module offers to the others of the package only.
INTERNAL = {"EVENTS", "Handler"}


def test_every_name_of_the_list_exists_once():
    assert len(ph.__all__) == len(set(ph.__all__))
    for name in ph.__all__:
        assert getattr(ph, name) is not None


def test_the_package_offers_what_its_modules_do():
    offered = {"__version__", "build_info"} | {
        name
        for module in MODULES
        for name in importlib.import_module(f"parhelion.{module}").__all__
    }
    assert set(ph.__all__) == offered - INTERNAL


def test_nothing_public_is_left_out_of_the_list():
    public = {
        name
        for name in dir(ph)
        if not name.startswith("_") and not inspect.ismodule(getattr(ph, name))
    }
    assert public - {"annotations", "Any", "TYPE_CHECKING"} == set(ph.__all__) - {"__version__"}


@pytest.mark.parametrize("name", sorted(set(ph.__all__) - {"__version__"}))
def test_everything_public_is_documented(name):
    thing = getattr(ph, name)
    if not inspect.isclass(thing) and not inspect.isfunction(thing):
        return  # a type of literals tells its values
    assert thing.__doc__, name
    if not inspect.isclass(thing):
        return
    for member, value in vars(thing).items():
        function = value.fget if isinstance(value, property) else value
        if not member.startswith("_") and inspect.isfunction(function):
            assert inspect.getdoc(value), f"{name}.{member}"


def test_every_error_is_exported():
    assert set(errors.__all__) <= set(ph.__all__)


def test_server_is_another_name_of_local_server():
    assert ph.Server is ph.LocalServer


def test_the_states_of_the_type_are_those_of_the_table():
    states = {state for pair in _core.transitions() for state in pair}
    assert states == set(ph.ConnectionState.__args__)
    # Every state can be reached and left, and the last one is always within reach.
    assert {to for _, to in _core.transitions()} == states
    assert {start for start, to in _core.transitions() if to == "disconnected"} == states - {
        "disconnected"
    }


def test_the_changelog_begins_with_this_version():
    file = ROOT / "CHANGELOG.md"
    versions = re.findall(r"^## \[?v?(\d+\.\d+\.\d+)", file.read_text("utf-8"), re.MULTILINE)
    assert versions
    assert versions[0] == ph.__version__


def test_the_crate_has_the_same_version():
    manifest = (ROOT / "Cargo.toml").read_text("utf-8")
    assert f'version = "{ph.__version__}"' in manifest


@pytest.mark.skipif(sys.platform != "linux", reason="reads ELF")
@pytest.mark.skipif(not shutil.which("readelf"), reason="binutils are not installed")
def test_the_library_needs_nothing_but_the_system():
    """No FFmpeg, no OpenSSL, no codec of the distribution: the wheel stands alone."""
    listing = subprocess.run(
        ["readelf", "--dynamic", "--wide", _core.__file__],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    needed = set(re.findall(r"\(NEEDED\).*\[(.+?)\]", listing))
    allowed = r"(libc|libm|libdl|libpthread|librt|libgcc_s|libstdc\+\+|ld-linux[\w-]*)\.so\.\d+"
    assert needed
    assert not {name for name in needed if not re.fullmatch(allowed, name)}


def test_the_package_says_that_it_is_typed():
    assert (Path(ph.__file__).parent / "py.typed").exists()


def test_importing_is_quiet_and_starts_no_loop():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import parhelion, sys; print('cv2' in sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("False\n", "")
