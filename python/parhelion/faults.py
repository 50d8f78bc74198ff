"""A switchboard of what goes wrong: for tests of programs that use a real-time service."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from types import TracebackType
from typing import Any, Literal

from parhelion import _core
from parhelion.errors import InvalidInputError, InvalidStateError

__all__ = ["Direction", "Fault", "FaultRecord", "Faults", "PacketCounts", "Stage"]

Direction = Literal["both", "to_client", "to_service"]
"""Which way packets go."""

Stage = Literal["handshake", "session", "acknowledgement", "answer"]
"""How far a connection gets: the socket is not opened; nothing is said on it; updates are not
acknowledged; the offer is not answered."""

_DIRECTIONS = ("both", "to_client", "to_service")
_STAGES = ("handshake", "session", "acknowledgement", "answer")
_CAPACITY = "Server at capacity. Please try again later."
_LONGEST = 3600.0


@dataclasses.dataclass(frozen=True)
class FaultRecord:
    """One entry of a switchboard's history."""

    time: float
    """Seconds since the Unix epoch."""
    event: Literal["on", "struck", "off"]
    """A fault was switched on, did something, or was switched off."""
    fault: str
    """Which, as it was called."""
    session_id: str | None
    """The session that it concerns; None: the whole service."""

    def __str__(self) -> str:
        where = f" (session {self.session_id})" if self.session_id else ""
        return f"{self.fault} {self.event}{where}"


@dataclasses.dataclass(frozen=True)
class PacketCounts:
    """What has become of the packets of all sessions, in one direction.

    Packets are counted while :meth:`Faults.packets` or :meth:`Faults.blackout` is on.
    """

    packets: int = 0
    """All that came."""
    lost: int = 0
    """Lost by chance."""
    overflowed: int = 0
    """Found the queue before the limited rate full."""
    blacked_out: int = 0
    """Came during a black-out."""
    duplicated: int = 0
    """Arrived twice."""
    overtaken: int = 0
    """Were held back so that later ones came first."""


class Fault:
    """One switch, from when it is set. Use it in ``with`` to have it lifted at the end.

    It can be awaited for: ``await fault.struck()``, or ``fault.wait()`` without an event loop.
    """

    def __init__(self, core: _core.Faults, number: int, name: str, sessions: int = 0) -> None:
        self._core = core
        self._number = number
        self._name = name
        self._hits = 0
        self.sessions = sessions
        """How many sessions were ended by switching it on."""

    @property
    def hits(self) -> int:
        """How often it has struck. Frames of a frozen model count once, packets not at all."""
        hits = self._core.hits(self._number)
        if hits is not None:
            self._hits = hits
        return self._hits

    async def struck(self, times: int = 1, *, timeout: float = 10.0) -> None:
        """Waits until it has struck that often.

        Raises:
            TimeoutError: It did not within ``timeout`` seconds.
            InvalidStateError: It was lifted before.
        """
        # The awaitable of the core belongs to the loop that runs now.
        waiting = asyncio.ensure_future(_await(self._core.struck(self._number, times)))
        try:
            await asyncio.wait_for(waiting, timeout)
        except (TimeoutError, asyncio.TimeoutError):
            raise self._not_struck(times, timeout) from None
        self._check(times)

    def wait(self, times: int = 1, *, timeout: float = 10.0) -> None:
        """Waits on this thread until it has struck that often. Raises as :meth:`struck` does."""
        if not self._core.struck_blocking(self._number, times, timeout):
            raise self._not_struck(times, timeout)
        self._check(times)

    def lift(self) -> None:
        """Switches it off. May be called again. What it holds back is let go."""
        _ = self.hits
        self._core.lift(self._number)

    def _not_struck(self, times: int, timeout: float) -> TimeoutError:
        return TimeoutError(f"{self._name} struck {self.hits} of {times} times within {timeout} s")

    def _check(self, times: int) -> None:
        if self.hits < times:
            raise InvalidStateError(
                f"{self._name} was lifted when it had struck {self._hits} of {times} times",
                operation="struck",
            )

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.lift()

    def __repr__(self) -> str:
        state = "on" if self._core.hits(self._number) is not None else "off"
        return f"<Fault {self._name} {state}, struck {self.hits} times>"


class Faults:
    """The switches of one :class:`parhelion.LocalServer`, as its attribute ``faults``.

    Methods may be called from any thread, before the server starts and while it runs. Those that
    switch something on return a :class:`Fault`; it stays on until it is lifted, by the end of its
    ``with`` block or by :meth:`reset`. Of two that would strike at once, those with a number of
    ``times`` come first, in the order in which they were set; then the newest.

    ``times`` is how often a fault strikes; None: as long as it is on. ``session_id`` restricts it
    to one session (:attr:`parhelion.RealTimeClient.session_id`); None: all, future ones too.
    """

    def __init__(self, server: _core.Server) -> None:
        self._server = server
        self._core = server.faults

    # Connections.

    def refuse(
        self, times: int | None = None, *, error: str = _CAPACITY, code: int = 1013
    ) -> Fault:
        """Accepts sockets, says ``error`` and closes with ``code``, as a full service does.

        Clients read from the text whether to try again: by default it says so. The texts of other
        refusals are ``Concurrent session limit reached.`` (try again), ``invalid session: ...`` and
        ``unauthorized: ...`` (do not).
        """
        _check_code(code)
        return self._on("refuse", self._core.refuse(error, code, _times(times)))

    def refuse_http(self, status: int = 503, times: int | None = None) -> Fault:
        """Answers the request for a socket with an HTTP status, 400 to 599, as a proxy does."""
        if not isinstance(status, int) or not 400 <= status <= 599:
            raise InvalidInputError(f"status: expected 400 to 599, got {status!r}")
        return self._on("refuse_http", self._core.refuse_http(status, _times(times)))

    def stall(self, at: Stage = "session", *, session_id: str | None = None) -> Fault:
        """Lets connections hang at a stage, without a word, until it is lifted; then they go on.

        Args:
            at: ``handshake``: the request for a socket is not answered. ``session``: the socket is
                open and nothing is said. ``acknowledgement``: no update is acknowledged.
                ``answer``: the offer is not answered.
            session_id: For the last two: only this session.
        """
        if at not in _STAGES:
            raise InvalidInputError(f"at: expected one of {', '.join(_STAGES)}, got {at!r}")
        return self._on("stall", self._core.stall(at, session_id))

    def close(
        self, code: int | None = 1011, reason: str = "", *, session_id: str | None = None
    ) -> int:
        """Closes the sockets of open sessions, with nothing said before.

        Args:
            code: The close code. None: the connection is cut without a close.
            reason: The close reason, at most 123 bytes.
            session_id: The session; None: all.

        Returns:
            How many sessions it were. New ones are welcome: clients come back.
        """
        if code is not None:
            _check_code(code)
        if len(reason.encode()) > 123:
            raise InvalidInputError("reason: expected at most 123 bytes, as a close frame holds")
        return self._server.close_sessions(code, reason, session_id)

    # Updates.

    def drop_acknowledgements(
        self, times: int | None = None, *, session_id: str | None = None
    ) -> Fault:
        """Takes updates over and does not say so: the acknowledgement is lost."""
        number = self._core.acknowledgements("drop", 0.0, _times(times), session_id)
        return self._on("drop_acknowledgements", number)

    def delay_acknowledgements(
        self, seconds: float, times: int | None = None, *, session_id: str | None = None
    ) -> Fault:
        """Says that an update is in force only after ``seconds``. The order stays."""
        _check("seconds", seconds, 0.0, _LONGEST)
        number = self._core.acknowledgements("delay", seconds, _times(times), session_id)
        return self._on("delay_acknowledgements", number)

    def duplicate_acknowledgements(
        self, times: int | None = None, *, session_id: str | None = None
    ) -> Fault:
        """Says everything twice."""
        number = self._core.acknowledgements("duplicate", 0.0, _times(times), session_id)
        return self._on("duplicate_acknowledgements", number)

    # The network.

    def packets(
        self,
        *,
        loss: float = 0.0,
        burst: float | None = None,
        delay: float = 0.0,
        jitter: float = 0.0,
        reorder: float = 0.0,
        duplicate: float = 0.0,
        rate: int | None = None,
        queue: float = 0.2,
        seed: int = 0,
        direction: Direction = "both",
        session_id: str | None = None,
    ) -> Fault:
        """Makes the media path a bad one: every UDP packet of the sessions goes through it.

        It may be called while sessions run; the newest call counts, whole. The control socket is
        not concerned. No privileges are needed: it happens in this process, before the sockets.

        Args:
            loss: Share of packets lost, 0 to 1.
            burst: Mean length of a run of losses in packets, at least 1 (Gilbert-Elliott). None:
                each packet is lost or not for itself.
            delay: Seconds that each packet takes longer.
            jitter: Up to so many seconds more, evenly distributed; packets that follow each other
                within 2 ms share it, and the order stays.
            reorder: Share of packets held back for 10 ms so that later ones overtake, 0 to 1.
            duplicate: Share of packets that arrive twice, 0 to 1.
            rate: Bits per second, at least 1000; None: no limit.
            queue: Seconds that a packet may wait for its turn at that rate; what would wait longer
                is lost.
            seed: The same seed loses the same packets: the first, the fifth, … of each socket.
            direction: ``both``, ``to_client`` or ``to_service``. Each has its own chances.
            session_id: One session only, without those who watch it: those of session ``x`` are
                called ``x/viewers``.
        """
        for name, share in (("loss", loss), ("reorder", reorder), ("duplicate", duplicate)):
            _check(name, share, 0.0, 1.0)
        for name, seconds in (("delay", delay), ("jitter", jitter), ("queue", queue)):
            _check(name, seconds, 0.0, _LONGEST)
        if burst is not None:
            _check("burst", burst, 1.0, 1e6)
            if loss > burst / (burst + 1):
                raise InvalidInputError(
                    f"loss: expected at most {burst / (burst + 1):.3g} in runs of {burst} packets,"
                    f" got {loss}; let burst be longer"
                )
        if rate is not None:
            _check("rate", rate, 1000, 1e12)
        if not isinstance(seed, int) or not 0 <= seed < 1 << 63:
            raise InvalidInputError(f"seed: expected an int from 0 to 2**63 - 1, got {seed!r}")
        conditions = {
            "loss": float(loss),
            "burst": burst,
            "delay": float(delay),
            "jitter": float(jitter),
            "reorder": float(reorder),
            "duplicate": float(duplicate),
            "rate": None if rate is None else int(rate),
            "queue": float(queue),
            "seed": seed,
        }
        number = self._core.packets(conditions, _way(direction), session_id)
        return self._on(f"packets(seed={seed})", number)

    def blackout(self, *, direction: Direction = "both", session_id: str | None = None) -> Fault:
        """Lets no packet pass until it is lifted. The control socket stays.

        A client notices after about 5 s.
        """
        return self._on("blackout", self._core.blackout(_way(direction), session_id))

    def packet_counts(self, direction: Literal["to_client", "to_service"]) -> PacketCounts:
        """What has become of the packets of all sessions, ended ones too, while anything was on."""
        if direction not in _DIRECTIONS[1:]:
            raise InvalidInputError(
                f"direction: expected to_client or to_service, got {direction!r}"
            )
        return PacketCounts(**self._core.packet_counters(direction))

    # The model.

    def freeze_model(self, *, session_id: str | None = None) -> Fault:
        """Lets the model take no frame until it is lifted. Then it goes on with the newest."""
        return self._on("freeze_model", self._core.model("freeze", 0.0, None, session_id))

    def slow_model(
        self, seconds: float, times: int | None = None, *, session_id: str | None = None
    ) -> Fault:
        """Makes the model take ``seconds`` longer for each frame. It loses what comes meanwhile."""
        _check("seconds", seconds, 0.0, _LONGEST)
        number = self._core.model("slow", seconds, _times(times), session_id)
        return self._on("slow_model", number)

    def crash_model(
        self, times: int | None = 1, *, fatal: bool = False, session_id: str | None = None
    ) -> Fault:
        """Makes the model raise on the next frames, which are lost.

        The client gets an ``error`` of code ``MODEL_FAILED`` (at most one a second), and its
        session goes on.

        Args:
            times: On how many frames; None: on all.
            fatal: The session cannot go on: it is told so, ended and closed with 1011, as when the
                model's process dies. Clients come back.
            session_id: One session only.
        """
        what = "crash for good" if fatal else "crash"
        return self._on("crash_model", self._core.model(what, 0.0, _times(times), session_id))

    # The account.

    def expire_key(self, *, end_sessions: bool = False) -> Fault:
        """Refuses every key from now on.

        Args:
            end_sessions: Open sessions are told so and closed with 1008, too.
        """
        number = self._core.expire_key()
        error = "unauthorized: invalid api key"
        ended = self._server.end_sessions(error, "error", 1008, None) if end_sessions else 0
        return self._on("expire_key", number, ended)

    def exhaust_credits(self, *, session_id: str | None = None) -> Fault:
        """Lets the credits run out: sessions end as a service ends them, and new ones are refused.

        An ``error`` with the text ``Insufficient credits``, ``generation_ended`` with the reason
        ``insufficient_credits``, and a close with 1000. New connections are told the same error
        until the fault is lifted.

        Args:
            session_id: Only this session ends; connections are refused all the same.
        """
        error = "Insufficient credits"
        number = self._core.exhaust_credits()
        ended = self._server.end_sessions(error, "insufficient_credits", 1000, session_id)
        return self._on("exhaust_credits", number, ended)

    def moderate(self, *, session_id: str | None = None) -> int:
        """Ends sessions because of their content, with the reason ``moderation_violation``.

        Returns:
            How many sessions it were. New ones are welcome.
        """
        return self._server.end_sessions(None, "moderation_violation", 1000, session_id)

    def time_out(self, *, session_id: str | None = None) -> int:
        """Ends sessions because their time is up, with the reason ``timeout``.

        Returns:
            How many sessions it were. New ones are welcome.
        """
        return self._server.end_sessions(None, "timeout", 1000, session_id)

    # The board.

    def reset(self) -> None:
        """Switches everything off. What was held back is let go. The history stays."""
        self._core.reset()

    @property
    def active(self) -> list[str]:
        """What is switched on, as it was called, oldest first; without what has struck its fill."""
        return [
            words if left is None else f"{words} {left} more times"
            for _, words, left in self._core.switches()
            if left != 0
        ]

    @property
    def history(self) -> list[FaultRecord]:
        """What was switched on and off and what it did, oldest first; the last thousand."""
        return [FaultRecord(*entry) for entry in self._core.history()]

    def __repr__(self) -> str:
        return f"<Faults {', '.join(self.active) or 'none'}>"

    def _on(self, name: str, number: int, sessions: int = 0) -> Fault:
        return Fault(self._core, number, name, sessions)


async def _await(awaitable: Any) -> None:
    await awaitable


def _way(direction: str) -> str | None:
    if direction not in _DIRECTIONS:
        raise InvalidInputError(
            f"direction: expected one of {', '.join(_DIRECTIONS)}, got {direction!r}"
        )
    return None if direction == "both" else direction


def _times(times: int | None) -> int | None:
    if times is None:
        return None
    if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times < 1 << 32:
        raise InvalidInputError(f"times: expected an int of at least 1 or None, got {times!r}")
    return times


def _check(name: str, value: float, least: float, most: float) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not least <= value <= most:
        raise InvalidInputError(f"{name}: expected {least:g} to {most:g}, got {value!r}")


def _check_code(code: int) -> None:
    allowed = isinstance(code, int) and (
        code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014)
        or 3000 <= code <= 4999
    )
    if not allowed:
        raise InvalidInputError(
            f"code: expected a close code that may be sent (1000 to 1003, 1007 to 1014, 3000 to"
            f" 4999), got {code!r}"
        )
