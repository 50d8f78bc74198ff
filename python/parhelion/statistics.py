"""What a session can say about itself, in numbers.

Names are those of the W3C's webrtc-stats where it has one, in Python spelling; where ours has a
unit in its name, that one counts: ``_ms`` milliseconds, ``_fps`` frames per second.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, NamedTuple

__all__ = [
    "Drop",
    "LimitingFactor",
    "Percentiles",
    "Quality",
    "QualityLevel",
    "RateTrend",
    "ServiceStats",
    "Stats",
]

QualityLevel = Literal["good", "fair", "poor", "critical"]
RateTrend = Literal["increase", "hold", "decrease"]
LimitingFactor = Literal["none", "bandwidth", "loss", "latency", "cpu", "stall"]


class Drop(NamedTuple):
    """Frames lost in one place for one reason."""

    place: str
    """Where: ``capture`` (before the encoder), ``network``, ``decoder``, ``output``; of sound
    ``audio`` (before the decoder) and ``audio_output``; of the service ``decoder``, ``model``,
    ``encoder``."""
    reason: str
    """Why: ``displaced`` (a newer frame came), ``encoder_skipped`` (the rate control left it
    out), ``awaiting_key_frame``, ``decode_failed``, ``not_connected``, ``incomplete``,
    ``repeated``, ``model_failed``, …"""
    frames: int
    """How many."""


class Percentiles(NamedTuple):
    """Nearest-rank percentiles in milliseconds; 0 without samples."""

    p50: float
    p95: float
    p99: float
    samples: int
    """How many values they are of, at most the last 1024."""


class Quality(NamedTuple):
    """How good a session is, judged once a second.

    Each number is the median of the last five seconds, and the worst decides:

    ==========================================================  ======  ======  =======  =========
    worst direction or step                                     good    fair    poor     limits by
    ==========================================================  ======  ======  =======  =========
    frames left out by the rate control, up to                  1 %     10 %    30 %     bandwidth
    bitrate missing to the upper bound on a narrow network      20 %    60 %    85 %     bandwidth
    packets lost                                                0.1 %   1 %     5 %      loss
    from ``send`` to the frame made from it                     300 ms  600 ms  1200 ms  latency
    round trip of the network, where that is unknown            150 ms  300 ms  500 ms   latency
    the slowest step, of the time between two frames            105 %   150 %   300 %    cpu
    frames that do not come back, of those expected             20 %    50 %    80 %     stall
    ==========================================================  ======  ======  =======  =========

    What is worse than poor is critical. A freeze within the five seconds is no better than fair.
    Frames are expected back as they are sent, but not faster than the model's frame rate. Frames
    that a slow step or the rate control leaves out are charged to that, not to a stall.

    The first verdict is immediate; afterwards the level changes when five seconds in a row say so,
    in either direction. Each change is a ``diagnostic`` event named ``quality``.
    """

    level: QualityLevel
    limiting_factor: LimitingFactor
    """What the level is owed to; ``none`` if it is good. Of several the first of the table."""
    warming_up: bool
    """Whether bandwidth is not judged yet: in the first eight seconds of a connection."""


@dataclasses.dataclass(frozen=True)
class ServiceStats:
    """What the service says about its own work in one session, counted from its start.

    A service of this package says so once a second.
    """

    frames_decoded: int
    """Frames that came from the client."""
    frames_processed: int
    """Frames that the model made, or that passed unchanged."""
    frames_encoded: int
    """Frames that went to the client."""
    decode_ms: float
    """Mean time in its decoder, milliseconds a frame."""
    encode_ms: float
    """Mean time in its encoder, milliseconds a frame."""
    model_ms_p50: float
    """Time in the model, milliseconds a frame: the median of its last 256 frames."""
    model_ms_p95: float
    """The 95th percentile of the same."""
    target_bitrate: int
    """What its encoder aims at, bits per second."""
    estimated_bandwidth: int | None
    """What the network on the way here is thought to carry, bits per second; None if it does not
    say."""
    rate_trend: RateTrend | None
    """What that estimate is doing."""
    bandwidth_limited: bool
    """Whether that is less than its encoder would use."""
    sent_size: tuple[int, int]
    """Width and height of its last frame as it was encoded, pixels: smaller on a narrow network."""
    queues: dict[str, int]
    """Frames that wait, by place: ``decoder``, ``model``, ``encoder``."""
    drops: list[Drop]
    """Every frame that was lost there, by place and reason."""

    def to_dict(self) -> dict[str, Any]:
        """The same numbers as plain values, ready for JSON."""
        return _plain(self)


@dataclasses.dataclass(frozen=True)
class Stats:
    """Numbers of one session, counted from its start unless another span is named.

    Rates are over the last interval: ``stats_interval`` of ``connect``, or a second if that is
    None. Asking in between does not change them. They are 0 before the first interval is over.
    """

    timestamp: float
    """When this was asked, seconds since the Unix epoch."""
    interval: float
    """The time that the rates are over, seconds; 0.0 before there are any."""
    quality: Quality
    """How good the session is, and what limits it."""

    frames_sent: int
    """Frames given to ``send``."""
    frames_received: int
    """Transformed frames that arrived, whether they were read or not."""
    frames_under_way: int
    """Frames that were sent and are neither answered nor passed by an answer to a later one."""
    frames_encoded: int
    """Frames that went to the network."""
    frames_decoded: int
    """Frames that came from the network."""
    key_frames_sent: int
    """Frames that were encoded without reference to earlier ones."""
    key_frames_requested: int
    """Times that the service was asked for a key frame in the present connection."""
    sent_fps: float
    """Frames given to ``send``, a second."""
    encoded_fps: float
    """Frames that went to the network, a second."""
    decoded_fps: float
    """Frames that came from the network, a second."""
    received_fps: float
    """Transformed frames that arrived, a second."""
    shown_fps: float
    """Transformed frames that a reader took, a second."""
    freeze_count: int
    """Times that video stood still: a gap between two frames that is longer than three times the
    mean of the last 30 and than that mean and 150 ms. A pause in sending is none."""
    total_freezes_duration: float
    """How long those gaps were together, seconds."""
    sent_size: tuple[int, int]
    """Width and height of the last encoded frame, pixels; even. On a narrow network frames are sent
    smaller, and get their size back at the other end."""
    received_size: tuple[int, int]
    """Width and height of the last decoded frame, pixels, likewise."""

    encode_ms: float
    """Mean time in the encoder over the interval, milliseconds a frame; over all before there
    is an interval."""
    decode_ms: float
    """Mean time in the decoder, likewise."""
    total_encode_time: float
    """Time in the encoder, all frames together, seconds."""
    total_decode_time: float
    """Time in the decoder, all frames together, seconds."""

    target_bitrate: int
    """What the encoder aims at, bits per second: between the bounds, what the network carries."""
    estimated_bandwidth: int | None
    """What the network on the way to the service is thought to carry, everything included, bits per
    second. More than is needed is not tried out. None while there is no connection."""
    rate_trend: RateTrend | None
    """What that estimate is doing; ``hold``: a queue on the way runs empty."""
    bandwidth_limited: bool
    """Whether the network carries less than ``max_bitrate``."""
    frames_skipped: int
    """Frames that were left out so that the rest fits; ``encoder_skipped`` in ``drops``."""
    bitrate_sent: float
    """RTP payload that was sent, bits per second; retransmissions and audio included."""
    bitrate_received: float
    """RTP payload that was received, bits per second; likewise."""
    video_bytes_sent: int
    """Encoded video, bytes."""
    video_bytes_received: int
    """Encoded video that was decoded, bytes."""
    bytes_sent: int
    """RTP payload of the present connection, bytes, retransmissions and audio included."""
    bytes_received: int
    """RTP payload of the present connection, bytes, likewise."""
    packets_sent: int
    """RTP packets of the present connection."""
    packets_received: int
    """RTP packets of the present connection."""
    packets_lost: int
    """RTP packets of the present connection that did not come, or only when asked for again."""
    remote_packets_lost: int
    """RTP packets of the present connection that the service missed, by its last report."""
    fraction_lost_sent: float | None
    """Of the packets sent over the interval, the fraction that the service missed before any were
    sent again, 0 to 1; None until it has said so."""
    fraction_lost_received: float | None
    """Of the packets that the service sent, the fraction that was missed here, likewise; None if
    none came."""
    nacks_sent: int
    """Requests to send packets again (NACK), to the service, in the present connection."""
    nacks_received: int
    """Such requests from the service."""
    packets_repaired: int
    """Packets of video that were missing, asked for, and came in time, in the present connection.
    What did not is in ``drops``, as ``incomplete`` at ``network``."""
    plis_received: int
    """Requests for a key frame (PLI) from the service, in the present connection."""
    firs_received: int
    """Requests for a key frame (FIR) from the service, in the present connection."""
    jitter_ms: float
    """Interarrival jitter of the video, milliseconds (RFC 3550, section 6.4.1)."""
    network_rtt_ms: float | None
    """Round trip of the network path by its connectivity checks, milliseconds; None until it was
    measured."""
    round_trip_ms: Percentiles
    """From ``send`` to the transformed frame being ready, over the last 1024 frames."""

    audio_packets_sent: int
    """Packets of sound of the present connection; 50 a second."""
    audio_packets_received: int
    """Packets of sound of the present connection."""
    audio_packets_lost: int
    """Packets of sound that did not come, or not within 60 ms of the one behind."""
    audio_bytes_sent: int
    """Encoded sound of the present connection, bytes; part of ``bytes_sent``."""
    audio_bytes_received: int
    """Encoded sound of the present connection, bytes; part of ``bytes_received``."""
    audio_jitter_ms: float
    """Interarrival jitter of the sound, milliseconds (RFC 3550, section 6.4.1)."""
    audio_samples_concealed: int
    """Samples that were made up for lost packets; 48 a millisecond."""
    audio_samples_dropped: int
    """Samples given to ``send_audio``, at 48 kHz and of one channel, that were not sent in time."""
    audio_gaps: int
    """How often live sound or a clip was not there when it was due, also at its end."""

    reconnects: int
    """Times that a lost session was replaced by a new one."""
    ice_restarts: int
    """Times that another network path was found for the same session."""
    last_outage: float | None
    """How long the last outage was, seconds, from when it was noticed until frames could flow
    again; None before the first. A silence that ended by itself is none."""
    total_outage_duration: float
    """How long all outages were together, seconds."""

    queues: dict[str, int]
    """What waits on this side, by place: frames in ``capture``, ``decoder`` and ``output``, packets
    of sound in ``audio``, its blocks in ``audio_output``."""
    drops: list[Drop]
    """Every frame that was lost on this side, by place and reason."""
    service: ServiceStats | None
    """What the service said last about its own work; None if it says nothing."""

    @classmethod
    def _from_core(cls, values: dict[str, Any]) -> Stats:
        values["round_trip_ms"] = Percentiles(**values["round_trip_ms"])
        values["quality"] = Quality(*values["quality"])
        values["drops"] = [Drop(*drop) for drop in values["drops"]]
        service = values["service"]
        if service is not None:
            service["drops"] = [Drop(*drop) for drop in service["drops"]]
            values["service"] = ServiceStats(**service)
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The same numbers as plain values, ready for JSON."""
        return _plain(self)


def _plain(numbers: Stats | ServiceStats) -> dict[str, Any]:
    values = {field.name: getattr(numbers, field.name) for field in dataclasses.fields(numbers)}
    for name, value in values.items():
        if isinstance(value, ServiceStats):
            values[name] = _plain(value)
        elif isinstance(value, (Percentiles, Quality)):
            values[name] = value._asdict()
        elif name == "drops":
            values[name] = [drop._asdict() for drop in value]
        elif isinstance(value, (dict, tuple)):
            values[name] = type(value)(value)
    return values
