"""What happens to frames that come faster than they are taken."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from parhelion.errors import InvalidOptionsError

__all__ = ["Flow", "FlowMode"]

FlowMode = Literal["latest", "all", "wait"]

_MODES = get_args(FlowMode)
_MOST = 64
# By direction: how many there are unless told otherwise.
_USUAL = {
    "send": {"latest": 1, "all": 32, "wait": 2},
    "receive": {"latest": 1, "all": 32, "wait": 1},
}


@dataclasses.dataclass(frozen=True)
class Flow:
    """What happens to frames that come faster than they are taken, for each direction.

    On the way out (``send``):

    ``latest``
        One frame waits for the encoder, and a newer one takes its place. For live video.
    ``all``
        Up to ``send_limit`` frames wait for the encoder. When they are as many, ``send()`` raises
        :class:`QueueFullError`, which may be tried again. Nothing is dropped on this side; a
        service whose model is slower than the frames come drops what its model has no time for.
    ``wait``
        At most ``send_limit`` frames are under way to the service and back. When they are as
        many, ``send()`` raises :class:`QueueFullError`; ``await drain()`` waits for room. With the
        limit of 2 a frame waits before the model while another is in it, so nothing is lost
        and a slow model is never idle. With more, a long way to the service costs less speed, but
        a service with one place before its model may drop frames.

    With ``all`` and ``wait`` the encoder leaves no frame out, at the price of a bit rate that may
    exceed its bound for moments; with ``wait`` that of the local service does not either. While a
    connection is lost ``send()`` raises :class:`QueueFullError` too. Frames that are under way when
    it is lost do not come back.

    A frame no longer counts as under way when it came back, when one that was sent after it came
    back, when it was dropped on this side, or when nothing was heard of any frame for two seconds
    (or twice the time that the last answer took, at most 30 s; 10 s before the first answer). So
    neither a network nor a service that loses frames can stop a session. A service that does not
    say which frame it answers is taken to answer all in order.

    On the way in (``receive``):

    ``latest``
        One frame waits for its reader, and a newer one takes its place.
    ``all``
        Up to ``receive_limit`` frames wait; when they are as many, the oldest makes room.
    ``wait``
        Up to ``receive_limit`` frames wait, and what comes after them is not decoded before the
        reader took one. With ``send="wait"`` a frame counts as under way until then, so that
        nothing is lost however slow the reader is, and what is made from one frame comes once.
        With another ``send``, encoded frames that pile up before the decoder (16) are given up, and
        video goes on with the next key frame.

    Every dropped frame is counted by place and reason in ``stats().drops``.

    Args:
        send: ``latest``, ``all`` or ``wait``.
        receive: Likewise.
        send_limit: 1 to 64 frames; default 32 for ``all`` and 2 for ``wait``; 1 for ``latest``.
        receive_limit: 1 to 64 frames; default 32 for ``all`` and 1 for ``wait``; 1 for ``latest``.

    Raises:
        InvalidOptionsError: A name is unknown, or a limit is out of range.
    """

    send: FlowMode = "latest"
    receive: FlowMode = "latest"
    send_limit: int | None = None
    receive_limit: int | None = None

    def __post_init__(self) -> None:
        for direction in _USUAL:
            mode, limit = getattr(self, direction), getattr(self, f"{direction}_limit")
            if mode not in _MODES:
                raise InvalidOptionsError(
                    f"flow: expected {direction} to be one of {', '.join(_MODES)}, got {mode!r}"
                )
            if limit is None:
                continue
            if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= _MOST:
                raise InvalidOptionsError(
                    f"flow: expected {direction}_limit to be an int from 1 to {_MOST}, "
                    f"got {limit!r}"
                )
            if mode == "latest" and limit != 1:
                raise InvalidOptionsError(
                    f"flow: {direction}='latest' keeps 1 frame, got {direction}_limit={limit}",
                    hint="'all' keeps more, and 'wait' waits",
                )

    def _arguments(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Mode and limit of both directions, as the core takes them."""
        return (
            (self.send, self.send_limit or _USUAL["send"][self.send]),
            (self.receive, self.receive_limit or _USUAL["receive"][self.receive]),
        )

    def _announced(self) -> str:
        """What a service of our own reads of it, at the end of the user agent."""
        return " flow/wait" if self.send == "wait" else ""


def as_flow(flow: Flow | FlowMode) -> Flow:
    """The policy of an option: itself, or the same name for both directions.

    Raises:
        InvalidOptionsError: It is neither.
    """
    if isinstance(flow, Flow):
        return flow
    if isinstance(flow, str) and flow in _MODES:
        return Flow(send=flow, receive=flow)
    raise InvalidOptionsError(
        f"flow: expected {', '.join(map(repr, _MODES))} or a Flow, got {flow!r}"
    )
