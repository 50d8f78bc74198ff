"""Iterables of the user's own making: lists, generators, stacks, async generators."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from parhelion.errors import SourceError
from parhelion.frames import Frame
from parhelion.sources.base import AsyncSource, BlockingSource, Picture, Source

__all__ = ["AsyncIterableSource", "IterableSource", "as_picture"]


class _Items(Source):
    """What the two kinds have in common: the errors count items."""

    def failed(self, number: int, error: BaseException) -> SourceError:
        kind = type(error).__name__
        made = SourceError(
            f"{self.description} raised {kind} at item {number}: {error}", operation="stream"
        )
        made.__cause__ = error
        return made

    def refused(self, number: int, error: Exception) -> SourceError:
        made = super().refused(number, error)
        made.message = made.message.replace("picture", "item", 1)
        return made


class IterableSource(_Items, BlockingSource):
    """A list, a generator, a stack (N, H, W, 3): anything that ``for`` can go through.

    Args:
        items: The iterable.
        convert: Makes of each item what is sent.
    """

    def __init__(self, items: Iterable[Any], convert: Callable[[Any], Any]) -> None:
        self.description = f"the {type(items).__name__}"
        self._items: Iterable[Any] = items
        self._convert = convert

    def pictures(self) -> Iterator[Any]:
        return map(self._convert, self._items)

    def close(self) -> None:
        self._items = ()  # a generator is closed when nobody holds it any more


class AsyncIterableSource(_Items, AsyncSource):
    """An async generator, or anything else that ``async for`` can go through."""

    def __init__(self, items: AsyncIterable[Any], convert: Callable[[Any], Any]) -> None:
        self.description = f"the {type(items).__name__}"
        self._items = items
        self._convert = convert

    def pictures(self) -> AsyncIterator[Any]:
        return _AsyncMap(self._convert, self._items)


class _AsyncMap(AsyncIterator[Any]):
    """``map``, which an async generator would be too, but for one more thing to close."""

    def __init__(self, convert: Callable[[Any], Any], items: AsyncIterable[Any]) -> None:
        self._convert = convert
        self._items = aiter(items)

    async def __anext__(self) -> Any:
        return self._convert(await anext(self._items))


def as_picture(item: Any) -> Picture:
    """The picture that an item is; whether it can be sent is seen later."""
    if isinstance(item, Frame):
        return Picture(item.data, item.format, timestamp=item.timestamp)
    return Picture(item)
