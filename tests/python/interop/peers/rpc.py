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
from typing import Any

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
    while line := await reader.readline():
        call = json.loads(line)
        name, arguments = call["name"], call["arguments"]
        try:
            if name in known:
                answer = {"result": await known[name](**arguments)}
            elif other is not None:
                answer = {"result": await other(name, arguments)}
            else:
                answer = {"error": f"no function {name}"}
        except Exception as error:  # noqa: BLE001 - goes to the caller
            answer = {"error": f"{type(error).__name__}: {error}"[:MAX_ERROR]}
        print(json.dumps(answer), file=answers, flush=True)  # noqa: T201
