"""Lets another process call the functions of this one: one JSON object per line.

In: ``{"name": ..., "arguments": {...}}``. Out: ``{"result": ...}`` or ``{"error": "..."}``.
Ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TextIO

Function = Callable[..., Awaitable[Any]]

LINE_LIMIT = 64 * 1024 * 1024
MAX_ERROR = 1000


async def serve(functions: Iterable[Function], other: Function | None = None) -> None:
    """Serves until the input ends. ``other`` takes calls of functions that are not there."""
    known = {function.__name__: function for function in functions}
    # What libraries print must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    reader = asyncio.StreamReader(limit=LINE_LIMIT)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    calls: asyncio.Queue[Any] = asyncio.Queue()
    reading = asyncio.ensure_future(read(reader, calls))
    answering = asyncio.ensure_future(answer(calls, known, other, answers))
    try:
        # A call that never returns does not outlive the input.
        await asyncio.wait((reading, answering), return_when=asyncio.FIRST_COMPLETED)
    finally:
        answering.cancel()
        await asyncio.wait((answering,))


async def read(reader: asyncio.StreamReader, calls: asyncio.Queue[Any]) -> None:
    while line := await reader.readline():
        calls.put_nowait(json.loads(line))


async def answer(
    calls: asyncio.Queue[Any],
    known: dict[str, Function],
    other: Function | None,
    answers: TextIO,
) -> None:
    while True:
        call = await calls.get()
        name, arguments = call["name"], call["arguments"]
        try:
            if name in known:
                result = {"result": await known[name](**arguments)}
            elif other is not None:
                result = {"result": await other(name, arguments)}
            else:
                result = {"error": f"no function {name}"}
        except Exception as error:  # noqa: BLE001 - goes to the caller
            result = {"error": f"{type(error).__name__}: {error}"[:MAX_ERROR]}
        print(json.dumps(result), file=answers, flush=True)
