"""Changes to what a session transforms with: getting ready, and taking effect in order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from parhelion import _core
from parhelion.errors import ConnectTimeoutError, InvalidInputError
from parhelion.images import is_slow, source_of
from parhelion.landmarks import checked_landmarks
from parhelion.limits import checked_seconds
from parhelion.prompts import prompt_of
from parhelion.unset import UNSET

if TYPE_CHECKING:
    from parhelion.streams import Inbox


class Changes:
    """The changes of one session, in its event loop.

    Some take a while to get ready: an image is fetched, read or encoded. Those that touch the same
    part of the state wait for one another, so that the last call wins, not the slowest.
    """

    def __init__(
        self,
        core: _core.Session,
        model: dict[str, Any],
        fetch: dict[str, Any],
        inbox: Inbox,
    ) -> None:
        self._core = core
        self._model = model
        self._fetch = fetch
        self._inbox = inbox
        # The parts that each call touches, and what is done when it has been queued.
        self._calls: list[tuple[set[str], asyncio.Future[None]]] = []
        self._loading: set[asyncio.Task[_core.Image]] = set()

    async def apply(
        self,
        operation: str,
        *,
        prompt: object,
        image: object,
        landmarks: object,
        enhance: object,
        timeout: object,
    ) -> None:
        """Checks, gets ready, queues and awaits the acknowledgement of one change.

        Everything that needs no waiting is done before the first wait.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + checked_seconds("timeout", timeout, operation)
        parts = {"prompt"} if prompt is not UNSET else set()
        parts |= {"image"} if image is not UNSET else set()
        if not parts:
            raise InvalidInputError(
                "expected a prompt, an image or both, got neither",
                operation=operation,
                hint="None clears a part; leaving it out leaves it as it is",
            )
        words = None
        if prompt is not UNSET and prompt is not None:
            words = prompt_of(prompt, enhance, operation)
        loading = None
        has_image = image is not UNSET and image is not None
        if has_image:
            check_model(self._model, operation)
        marks = checked_landmarks(landmarks, has_image, self._model, operation)
        if has_image:
            loading = self._load(image, marks, operation)
        earlier = [queued for touched, queued in self._calls if touched & parts]
        call = (parts, loop.create_future())
        self._calls.append(call)
        try:
            loaded = await self._loaded(loading, operation, deadline) if loading else None
            if earlier:
                await asyncio.wait(earlier, timeout=deadline - loop.time())
            left = deadline - loop.time()
            if left <= 0 or not all(queued.done() for queued in earlier):
                raise ConnectTimeoutError(
                    f"an earlier call was not ready within {timeout} s",
                    operation=operation,
                    hint="calls that change the same part take effect in their order",
                )
            acknowledged = self._core.update(
                {
                    "set_prompt": "prompt" in parts,
                    "prompt": words,
                    "set_image": "image" in parts,
                    "image": loaded,
                },
                left,
                operation,
            )
        finally:
            self._calls.remove(call)
            call[1].set_result(None)
            if loading is not None:
                loading.cancel()
        with self._inbox.explained():
            await acknowledged

    def _load(
        self, image: object, landmarks: dict[str, Any] | None, operation: str
    ) -> asyncio.Task[_core.Image]:
        """Begins to load an image. What its owner may go on to write to is copied at once."""
        source = None if is_slow(image) else source_of(image, operation)

        async def load() -> _core.Image:
            ready = source
            if ready is None:
                ready = await asyncio.to_thread(source_of, image, operation)
            return await ready.load(landmarks, self._fetch, operation)

        loading = asyncio.get_running_loop().create_task(load())
        self._loading.add(loading)
        loading.add_done_callback(self._loading.discard)
        # Who stopped waiting does not want to hear of it.
        loading.add_done_callback(lambda done: done.cancelled() or done.exception())
        return loading

    async def _loaded(
        self, loading: asyncio.Task[_core.Image], operation: str, deadline: float
    ) -> _core.Image:
        await asyncio.wait({loading}, timeout=deadline - asyncio.get_running_loop().time())
        if not loading.done():
            raise ConnectTimeoutError("the image was not ready in time", operation=operation)
        if loading.cancelled():
            raise self._inbox.gone(operation)
        return loading.result()

    def close(self) -> None:
        """The session is over: what is not ready needs not be any more."""
        for loading in tuple(self._loading):
            loading.cancel()


def check_model(model: dict[str, Any], operation: str) -> None:
    """An image for a model that looks at none is surely a mistake."""
    if not model["accepts_image"]:
        raise InvalidInputError(
            f"image: the model {model['name']!r} takes no reference image and would ignore it",
            operation=operation,
            hint="use lucy_2_rt or live_avatar; for a service whose model of that name does take "
            "one, connect with dataclasses.replace(model, accepts_image=True)",
        )
