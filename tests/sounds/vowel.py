"""Something like an a, from one sample to the next: a click that a mouth can make."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE = 48_000
_PITCH = 120.0
_FORMANTS = ((750, 90), (1250, 110), (2600, 160))
"""Frequencies of the resonances and how wide they are, in hertz."""


def vowel(seconds: float) -> npt.NDArray[np.float32]:
    """Mono at 48 kHz, within -0.5 and 0.5: pulses of a pitch, through three resonances."""
    pulses = (np.arange(int(seconds * RATE)) % int(RATE / _PITCH) == 0).astype(np.float64)
    sound = np.zeros(len(pulses))
    ringing = np.arange(2400) / RATE
    for formant, width in _FORMANTS:
        ring = np.exp(-np.pi * width * ringing) * np.sin(2 * np.pi * formant * ringing)
        sound += np.convolve(pulses, ring)[: len(sound)]
    sound *= 0.5 / np.abs(sound).max()
    return sound.astype(np.float32)
