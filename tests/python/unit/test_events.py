"""Names and handlers of events, without a session."""

from __future__ import annotations

import asyncio
import typing

import pytest

import parhelion as ph
from parhelion import events
from parhelion.events import Emitter


@pytest.fixture
def emitter() -> Emitter:
    return Emitter()


def test_the_type_lists_the_same_names():
    assert typing.get_args(ph.EventName) == events.EVENTS


@pytest.mark.parametrize(
    ("camel", "name"),
    [
        ("connectionChange", "connection_change"),
        ("generationTick", "generation_tick"),
        ("generationEnded", "generation_ended"),
        ("queuePosition", "queue_position"),
        ("error", "error"),
        ("frame", "frame"),
    ],
)
def test_both_spellings_mean_the_same(emitter, camel, name):
    seen = []
    emitter.add(camel, seen.append, once=False)
    emitter.emit(name, 1)
    emitter.remove(name, seen.append)
    emitter.emit(name, 2)
    assert seen == [1]


@pytest.mark.parametrize("name", ["", "connectionchange", "Error", "stats ", None, 3, ["error"]])
def test_an_unknown_name_lists_the_known_ones(emitter, name):
    for call in (
        lambda: emitter.add(name, print, once=False),
        lambda: emitter.remove(name, print),
    ):
        with pytest.raises(ph.InvalidInputError, match="connection_change, error"):
            call()


@pytest.mark.parametrize("handler", [None, 3, "print"])
def test_a_handler_must_be_callable(emitter, handler):
    with pytest.raises(ph.InvalidInputError, match="callable"):
        emitter.add("error", handler, once=False)


def test_handlers_are_called_in_order_and_as_often_as_they_were_added(emitter):
    seen = []
    first, second = seen.append, lambda value: seen.append(-value)
    for handler in (first, second, first):
        emitter.add("generation_tick", handler, once=False)
    emitter.emit("generation_tick", 1)
    assert seen == [1, -1, 1]
    emitter.remove("generation_tick", first)
    emitter.emit("generation_tick", 2)
    assert seen == [1, -1, 1, -2]
    emitter.remove("generation_tick", first)


def test_once_is_once_even_when_its_handler_causes_the_event(emitter):
    seen = []

    def again(value):
        seen.append(value)
        if value < 3:
            emitter.emit("generation_tick", value + 1)

    emitter.add("generation_tick", again, once=True)
    emitter.emit("generation_tick", 1)
    emitter.emit("generation_tick", 9)
    assert seen == [1]
    assert not emitter.has("generation_tick")


def test_a_handler_may_remove_itself_and_others(emitter):
    seen = []

    def leave(value):
        seen.append(value)
        emitter.remove("generation_tick", leave)

    emitter.add("generation_tick", leave, once=False)
    emitter.add("generation_tick", seen.append, once=False)
    emitter.emit("generation_tick", 1)
    emitter.emit("generation_tick", 2)
    assert seen == [1, 1, 2]


def test_one_that_raises_is_logged_and_harms_no_other(emitter, caplog):
    seen = []

    def bad(value):
        raise ValueError(f"no {value}")

    emitter.add("error", bad, once=False)
    emitter.add("error", seen.append, once=False)
    emitter.emit("error", 5)
    assert seen == [5]
    (logged,) = caplog.records
    assert logged.name == "parhelion.events"
    assert "no 5" in caplog.text


async def test_coroutines_run_as_tasks(emitter, caplog):
    done = asyncio.Event()
    seen = []

    async def good(value):
        await asyncio.sleep(0)
        seen.append(value)
        done.set()

    async def bad(value):
        raise ValueError("no coroutine")

    emitter.add("error", bad, once=False)
    emitter.add("error", good, once=True)
    emitter.emit("error", 5)
    assert seen == []
    await asyncio.wait_for(done.wait(), 10)
    assert seen == [5]
    assert "no coroutine" in caplog.text
