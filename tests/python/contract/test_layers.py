"""The Rust sources keep to the layers that ``src/lib.rs`` draws."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCES = sorted((ROOT / "src").rglob("*.rs"))

# What each layer may name, besides itself, the catalog and the errors.
MAY_NAME = {
    "catalog": set(),
    "error": set(),
    "protocol": set(),
    "session": {"protocol"},
    "media": set(),
    "models": {"media"},
    "transport": {"session", "protocol", "media"},
    "client": {"transport", "session", "protocol", "media"},
    "server": {"transport", "session", "protocol", "media", "models"},
    "python": {"client", "server", "transport", "session", "protocol", "media", "models"},
}
SEEN_BY_ALL = {"catalog", "error"}
PURE = {"protocol", "session", "media", "models", "catalog", "error"}
UNSAFE = {"src/media/h264/raw.rs", "src/python/array.rs"}


def layer(path: Path) -> str:
    first = path.relative_to(ROOT / "src").parts[0]
    return first.removesuffix(".rs")


def code(path: Path) -> str:
    """The source without comments, doc links and string literals."""
    text = re.sub(r'"(?:[^"\\\n]|\\.|\\\n)*"', '""', path.read_text("utf-8"))
    return re.sub(r"//[^\n]*", "", text)


def names(text: str) -> set[str]:
    """The layers that a source names: ``crate::x`` and ``use crate::{x, y::z}``."""
    found = set(re.findall(r"\bcrate::(\w+)", text))
    for group in re.findall(r"\bcrate::\{([^;]*)\};", text):
        flat = re.sub(r"::\{[^}]*\}", "", group)
        found.update(re.findall(r"(?:^|,)\s*(\w+)", flat))
    return found & MAY_NAME.keys()


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_are_sources():
    assert len(SOURCES) > 40
    assert {layer(path) for path in SOURCES} == {*MAY_NAME, "lib"}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_layer_names_a_higher_one(path):
    if layer(path) == "lib":
        return
    allowed = MAY_NAME[layer(path)] | SEEN_BY_ALL | {layer(path)}
    assert not names(code(path)) - allowed


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_what_is_free_of_input_and_output_stays_so(path):
    text = code(path)
    if layer(path) in PURE:
        assert not re.findall(r"\b(tokio|webrtc|rtc|axum|pyo3|numpy|tokio_tungstenite)::", text)
        assert not re.findall(r"\bstd::(net|process)\b", text)
    if layer(path) != "python":
        assert not re.findall(r"\b(pyo3|numpy|pyo3_async_runtimes)\b", text)
    if layer(path) in {"protocol", "session"}:
        # Time is an argument. The tests of a module may look at the clock.
        production = text.split("#[cfg(test)]")[0]
        assert not re.findall(r"\b(Instant|SystemTime)::now\b", production)
        assert not re.findall(r"\bstd::(fs|thread)\b", production)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_unsafe_code_is_where_it_is_expected(path):
    if re.search(r"\bunsafe\b", code(path)):
        assert name_of(path) in UNSAFE
        assert path.read_text("utf-8").count("SAFETY:") >= 1


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nothing_is_left_to_be_written(path):
    text = path.read_text("utf-8")
    assert not re.findall(r"\b(TODO|FIXME|XXX|todo!|unimplemented!|dbg!)", text)


def test_the_rules_notice_what_they_are_for(tmp_path):
    sample = tmp_path / "sample.rs"
    sample.write_text(
        '// crate::python\nuse crate::{client, media::Frame};\nlet text = "crate::server";\n'
    )
    assert names(code(sample)) == {"client", "media"}
