"""What a session can say about itself, in numbers."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

__all__ = ["Drop", "Percentiles", "Stats"]


class Drop(NamedTuple):
    """Frames lost in one place for one reason."""

    place: str
    """Where: ``capture`` (before the encoder), ``network``, ``decoder``, ``output``; of sound
    ``audio`` (before the decoder) and ``audio_output``."""
    reason: str
    """Why: ``displaced`` (a newer frame came), ``encoder_skipped`` (the rate control left it
    out), ``awaiting_key_frame``, ``decode_failed``, ``not_connected``, ``incomplete``, …"""
    frames: int
    """How many."""


class Percentiles(NamedTuple):
    """Nearest-rank percentiles in milliseconds; 0 without samples."""

    p50: float
    p95: float
    p99: float
    samples: int
    """How many values they are of, at most the last 1024."""


@dataclasses.dataclass(frozen=True)
class Stats:
    """Numbers of one session, counted from its start unless another span is named.

    Frames that the service drops are not among them; it reports its own.
    """

    frames_sent: int
    """Frames given to ``send``."""
    frames_received: int
    """Transformed frames that arrived, whether they were read or not."""
    frames_encoded: int
    """Frames that went to the network."""
    frames_decoded: int
    """Frames that came from the network."""
    key_frames_sent: int
    """Frames that were encoded without reference to earlier ones."""
    key_frames_requested: int
    """Times that the service was asked for a key frame."""
    encode_ms: float
    """Mean time in the encoder, milliseconds a frame."""
    decode_ms: float
    """Mean time in the decoder, milliseconds a frame."""
    target_bitrate: int
    """What the encoder aims at, bits per second."""
    video_bytes_sent: int
    """Encoded video, bytes."""
    video_bytes_received: int
    """Encoded video that was decoded, bytes."""
    bytes_sent: int
    """RTP payload of the present connection, bytes, retransmissions included."""
    bytes_received: int
    """RTP payload of the present connection, bytes."""
    packets_sent: int
    """RTP packets of the present connection."""
    packets_received: int
    """RTP packets of the present connection."""
    packets_lost: int
    """RTP packets of the present connection that never came; retransmission can lower it."""
    jitter_ms: float
    """Interarrival jitter, milliseconds (RFC 3550, section 6.4.1)."""
    network_rtt_ms: float | None
    """Round trip of the network path, milliseconds; None until it was measured."""
    sent_size: tuple[int, int]
    """Width and height of the last encoded frame, pixels; even."""
    received_size: tuple[int, int]
    """Width and height of the last decoded frame, pixels."""
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
    round_trip_ms: Percentiles
    """From ``send`` to the transformed frame being ready, over the last 1024 frames."""
    drops: list[Drop]
    """Every frame that was lost on this side, by place and reason."""

    @classmethod
    def _from_core(cls, values: dict[str, Any]) -> Stats:
        values["round_trip_ms"] = Percentiles(**values["round_trip_ms"])
        values["drops"] = [Drop(*drop) for drop in values["drops"]]
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The same numbers as plain values, ready for JSON."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        values["round_trip_ms"] = self.round_trip_ms._asdict()
        values["drops"] = [drop._asdict() for drop in self.drops]
        return values
