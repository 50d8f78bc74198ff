"""Offers: what a session proposes to its service, and who may change it on its way."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

from parhelion import _core
from parhelion.errors import ParhelionError

__all__: list[str] = []

OfferCustomizer = Callable[[str], "str | Awaitable[str | None] | None"]

_LIMIT = 10.0


class Offers:
    """Shows each offer of a session to its customizer, in the session's event loop."""

    def __init__(self, core: _core.Session, customize: OfferCustomizer) -> None:
        self._core = core
        self._customize = customize
        self._failure: Exception | None = None

    async def give(self, sdp: str) -> None:
        """Asks for what is to be sent, and sends that or fails the session."""
        changed, wrong = None, None
        try:
            given = self._customize(sdp)
            if inspect.isawaitable(given):
                given = await asyncio.wait_for(given, _LIMIT)
            if given is not None and not isinstance(given, str):
                wrong = f"must return a str or None, got {type(given).__name__}"
            else:
                changed = given
                (changed or "").encode()
        except asyncio.TimeoutError:
            wrong = f"did not return within {_LIMIT:.0f} s"
        except UnicodeEncodeError:
            wrong = "must return valid Unicode, got a lone surrogate"
        except Exception as error:  # noqa: BLE001 - it is the user's
            self._failure = error
            wrong = f"raised {type(error).__name__}: {error}".encode(errors="replace").decode()
        if wrong is None:
            self._core.give_offer(changed)
        else:
            self._core.give_offer(None, f"customize_offer() {wrong}")

    def explain(self, error: object) -> None:
        """Gives an error that comes of what the customizer raised its cause."""
        if isinstance(error, ParhelionError) and error.code == "INVALID_OPTIONS":
            error.__cause__ = self._failure
