"""Keys that are given, and keys that are asked for."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

from parhelion.errors import InvalidApiKeyError

__all__: list[str] = []

KeyProvider = Callable[[], str | Awaitable[str]]
Key = str | KeyProvider


async def ask(key: Key) -> str:
    """The key itself, asked for if it has to be.

    Raises:
        InvalidApiKeyError: What was asked gave none.
    """
    if isinstance(key, str):
        return key
    given = key()
    if inspect.isawaitable(given):
        given = await given
    if not isinstance(given, str) or not given.strip():
        got = "a blank str" if isinstance(given, str) else type(given).__name__
        raise InvalidApiKeyError(f"api_key() must return a str that is not blank, got {got}")
    return given.strip()
