"""Sounds for tests: tones, and files that hold them."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np

RATE = 48_000


def tone(seconds: float, pitch: float = 440.0, level: float = 0.25, rate: int = RATE) -> Any:
    n = np.arange(int(seconds * rate))
    return (level * np.sin(2 * np.pi * pitch * n / rate)).astype(np.float32)


def wav(samples: Any, rate: int = RATE) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return content.getvalue()
