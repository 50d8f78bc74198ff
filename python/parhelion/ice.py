"""STUN and TURN servers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from parhelion.errors import InvalidInputError

__all__ = ["IceServer"]

_ICE_SCHEMES = ("stun:", "stuns:", "turn:", "turns:")


@dataclasses.dataclass(frozen=True)
class IceServer:
    """A STUN or TURN server."""

    urls: str | Sequence[str]
    """``stun:host:port`` or ``turn:host:port``; over UDP."""
    username: str = ""
    credential: str = dataclasses.field(default="", repr=False)

    def __post_init__(self) -> None:
        urls = (self.urls,) if isinstance(self.urls, str) else self.urls
        if not isinstance(urls, Sequence) or not urls:
            raise InvalidInputError(
                f"urls: expected a str or some, got {type(urls).__name__}", operation="IceServer"
            )
        for url in urls:
            if not isinstance(url, str) or not url.startswith(_ICE_SCHEMES):
                # Not shown: people put passwords there.
                raise InvalidInputError(
                    "urls: expected something like stun:host:3478 or turn:host:3478, "
                    f"got {type(url).__name__} {str(url).partition(':')[0]!r}…",
                    operation="IceServer",
                )
        for name in ("username", "credential"):
            if not isinstance(getattr(self, name), str):
                raise InvalidInputError(f"{name}: expected str", operation="IceServer")


def ice_server_list(servers: Sequence[IceServer]) -> list[dict[str, Any]]:
    """ICE servers as the core takes them."""
    if not isinstance(servers, Sequence) or isinstance(servers, str):
        raise InvalidInputError(
            f"ice_servers: expected a list of IceServer, got {type(servers).__name__}"
        )
    return [ice_server_arguments(server) for server in servers]


def ice_server_arguments(server: IceServer) -> dict[str, Any]:
    """An ICE server as the core takes it."""
    if not isinstance(server, IceServer):
        raise InvalidInputError(
            f"ice_servers: expected IceServer, got {type(server).__name__}",
            hint="write IceServer('stun:host:3478')",
        )
    urls = [server.urls] if isinstance(server.urls, str) else list(server.urls)
    return {"urls": urls, "username": server.username, "credential": server.credential}
