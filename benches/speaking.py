"""A portrait that speaks: ``roundtrip.py --case avatar``.

What a picture costs and how long a new portrait takes, in CPU time of one thread, by the example
``portrait``. Then a live session, service and client in this one process: how long after a
syllable goes in the mouth is seen to move, how many pictures come a second, and whether the sound
has gaps.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import parhelion as ph
from exchange import Options
from measure import ProcessorTime, percentiles

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "portraits"))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "sounds"))

from drawing import drawn_portrait
from vowel import vowel

_PROGRAM = Path(__file__).parent.parent / "target/release/examples/portrait"
_RATE = 48_000
_PERIOD = 1.25
"""Seconds from one syllable to the next."""

_MOUTH = (slice(360, 560), slice(500, 780))


def measure_avatar(options: Options) -> dict[str, Any]:
    """CPU time of the painting, and a live session."""
    with tempfile.TemporaryDirectory() as folder:
        portrait, close = Path(folder, "portrait.png"), Path(folder, "close.png")
        drawn_portrait().save(portrait)
        # More of it moves.
        drawn_portrait(unit=0.32).save(close)
        return {
            "painting": _painting(portrait),
            "painting_of_a_face_that_fills_the_frame": _painting(close),
            "live": asyncio.run(_live(portrait, options)),
        }


def _painting(portrait: Path) -> Any:
    command = [str(_PROGRAM), "time", str(portrait)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(shown)


async def _live(portrait: Path, options: Options) -> dict[str, Any]:
    pictures: list[tuple[float, float, Any]] = []
    sounds: list[tuple[float, float]] = []
    async with ph.LocalServer() as server:
        client = ph.Client(server.api_key, base_url=server.url)
        async with client.realtime.connect(None, model="live_avatar") as rt:
            await rt.set_image(str(portrait), prompt="calm")
            await asyncio.sleep(max(2.0, options.warmup))

            async def watch() -> None:
                async for frame in rt.frames():
                    mouth = frame.data[_MOUTH][::2, ::2].astype(np.int16)
                    pictures.append((frame.capture_time or 0.0, frame.received_at or 0.0, mouth))

            async def hear() -> None:
                async for block in rt.remote_stream.audio_frames():
                    loud = np.flatnonzero(np.abs(block.data[:, 0]) > 1500)
                    start = loud[0] / _RATE if len(loud) else -1.0
                    sounds.append((block.capture_time or 0.0, start))

            tasks = [asyncio.create_task(watch()), asyncio.create_task(hear())]
            cpu = ProcessorTime({"service and client": psutil.Process()})
            await rt.play_audio(_syllables(options.seconds), rate=_RATE)
            spent = cpu.per_second()["service and client"]
            await asyncio.sleep(0.3)
            stats = rt.stats()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    delays, offs = _delays(pictures, sounds)
    gaps = np.diff([time for time, _ in sounds])
    length = pictures[-1][1] - pictures[0][1]
    return {
        "syllables": len(delays),
        "voice_to_mouth_ms": percentiles(delays),
        "mouth_against_sound_ms": percentiles([abs(off) for off in offs]),
        "frames_per_second": round((len(pictures) - 1) / length, 2),
        "longest_gap_between_pictures_ms": round(
            1e3 * float(np.diff([at for _, at, _ in pictures]).max()), 1
        ),
        "sound_gaps": int((gaps > 0.021).sum()),
        "sound_samples_concealed": stats.audio_samples_concealed,
        "cpu_seconds_per_second": spent,
    }


def _syllables(seconds: float) -> Any:
    """Something like an a, again and again, with silence between."""
    sound = vowel(0.2)
    track = np.zeros(int(seconds * _RATE), np.float32)
    for start in np.arange(0.5, seconds - 0.5, _PERIOD):
        at = int(start * _RATE)
        track[at : at + len(sound)] = sound
    return track


def _delays(
    pictures: list[tuple[float, float, Any]], sounds: list[tuple[float, float]]
) -> tuple[list[float], list[float]]:
    """From each start of a sound to the picture in which the mouth moves: its arrival, its time."""
    starts: list[float] = []
    for time, start in sounds:
        if start >= 0 and (not starts or time + start - starts[-1] > 0.5 * _PERIOD):
            starts.append(time + start)
    delays, offs = [], []
    for start in starts:
        near = [one for one in pictures if start - 0.2 < one[0] < start + 0.3]
        quiet = [mouth for time, _, mouth in near if time < start - 0.05]
        if not quiet:
            continue
        base = quiet[-1]
        moved = [(t, at, float(np.abs(mouth - base).mean())) for t, at, mouth in near]
        most = max(amount for _, _, amount in moved)
        for time, at, amount in moved:
            if time > start - 0.05 and amount > most / 3:
                delays.append(at - start)
                offs.append(time - start)
                break
    return delays, offs
