"""A portrait that speaks: a picture and a voice go in, a film with sound comes out.

    python examples/avatar.py PORTRAIT VOICE [OUTPUT.mp4] [--prompt "smile warmly"]

PORTRAIT is any picture with a face seen from the front, VOICE a WAV, FLAC, MP3 or Ogg Vorbis
file. The film is what a client gets live from the local service: 1280x720, 25 frames a second, with
the sound that the service sent back, put together by the times that both carry. Needs PyAV
(``pip install av``).
"""

from __future__ import annotations

import argparse
import asyncio
from collections import deque
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

import parhelion as ph

RATE = 48_000
FRAMES_PER_SECOND = 25
LEAD_SECONDS = 0.6
"""What is kept before the voice begins, and after it has ended."""
PATIENCE_SECONDS = 20.0
"""How long the first and the last picture may take."""


class Film:
    """Writes pictures and sound as they come, by their times.

    It begins with a picture. It is written beside its place, and put there when it is whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f"{path.stem}.part{path.suffix}")
        self.container = av.open(str(self.part), "w")
        self.video = self.container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        self.video.width, self.video.height, self.video.pix_fmt = 1280, 720, "yuv420p"
        self.video.options = {"crf": "18", "preset": "veryfast"}
        self.video.codec_context.time_base = Fraction(1, 1000)
        self.audio = self.container.add_stream("aac", rate=RATE, layout="stereo")
        self.began: float | None = None
        self.ends = float("inf")
        self.seen = self.heard = 0.0
        self.rolling, self.whole = asyncio.Event(), asyncio.Event()
        self.waiting: deque[ph.AudioFrame] = deque(maxlen=RATE // 960)
        self.last_picture, self.next_sample = -1, 0
        self.picture: ph.Frame | None = None

    def show(self, frame: ph.Frame) -> None:
        """Adds a picture at its capture time; the first one begins the film."""
        if frame.capture_time is None:
            return
        self.seen = frame.capture_time
        if self._is_over():
            return
        if self.began is None:
            self.began = self.seen
            self.rolling.set()
            for block in self.waiting:
                self.sound(block)
        self.picture = frame
        self._write_picture(frame, round((self.seen - self.began) * 1000))

    def sound(self, block: ph.AudioFrame) -> None:
        """Adds a block of sound at its capture time; silence where one is missing."""
        if self.began is None:
            self.waiting.append(block)
            return
        if block.capture_time is None:
            return
        self.heard = block.capture_time
        if self._is_over():
            return
        at = round((self.heard - self.began) * RATE)
        samples = block.data[max(0, -at) :]  # what is older than the first picture is left out
        if len(samples) == 0:
            return
        missing = at - self.next_sample
        # Stamps waver by less than half a block.
        if missing > (len(samples) // 2 if self.next_sample else 0):
            self._write_sound(np.zeros((missing, 2), np.int16))
        self._write_sound(samples)

    def _is_over(self) -> bool:
        if min(self.seen, self.heard) >= self.ends:
            self.whole.set()
        return max(self.seen, self.heard) >= self.ends

    def close(self) -> None:
        """Writes what is still in the encoders, and puts the film in its place."""
        if self.picture is not None and self.began is not None:
            # Pictures may be lost on a busy machine: the last one stays to the end.
            step = 1000 // FRAMES_PER_SECOND
            last = round((self.ends - self.began) * 1000) - step
            if last > self.last_picture + step // 2:
                self._write_picture(self.picture, last)
        self.container.mux(self.video.encode())
        self.container.mux(self.audio.encode())
        self.container.close()
        self.part.replace(self.path)

    def drop(self) -> None:
        """Leaves nothing behind."""
        self.container.close()
        self.part.unlink(missing_ok=True)

    def _write_picture(self, frame: ph.Frame, at: int) -> None:
        if at <= self.last_picture:
            return
        self.last_picture = at
        picture = av.VideoFrame.from_ndarray(frame.data, format="rgb24")
        picture.pts, picture.time_base = at, Fraction(1, 1000)
        self.container.mux(self.video.encode(picture))

    def _write_sound(self, samples: np.ndarray) -> None:
        sound = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples).reshape(1, -1), format="s16", layout="stereo"
        )
        sound.sample_rate, sound.time_base = RATE, Fraction(1, RATE)
        sound.pts = self.next_sample
        self.next_sample += len(samples)
        self.container.mux(self.audio.encode(sound))


async def listen(rt: ph.RealTimeClient, film: Film) -> None:
    """Gives the film all sound that comes back."""
    async for block in rt.remote_stream.audio_frames():
        film.sound(block)


async def watch(rt: ph.RealTimeClient, film: Film) -> None:
    """Gives the film all pictures."""
    async for frame in rt.frames():
        film.show(frame)


async def direct(rt: ph.RealTimeClient, film: Film, voice: str) -> None:
    """Plays the voice once the film rolls, and waits until its end has come back."""
    await asyncio.wait_for(film.rolling.wait(), PATIENCE_SECONDS)
    await asyncio.sleep(LEAD_SECONDS)
    await rt.play_audio(voice)
    film.ends = max(film.seen, film.heard) + LEAD_SECONDS
    await asyncio.wait_for(film.whole.wait(), PATIENCE_SECONDS)


def say(name: str, data: dict[str, Any]) -> None:
    """Prints what became of portrait and prompt."""
    if name == "prompt":
        print(data["message"])


async def speak(portrait: str, voice: str, film: Film, prompt: str | None) -> None:
    """Plays the voice to a live session and films what comes back."""
    # A portrait that is there from the start is in the first picture.
    state = ph.InitialState(prompt, portrait)
    async with ph.LocalServer() as server:
        client = ph.Client(server.api_key, base_url=server.url)
        async with client.realtime.connect(None, model="live_avatar", initial_state=state) as rt:
            rt.on("diagnostic", say)
            works = direct(rt, film, voice), listen(rt, film), watch(rt, film)
            tasks = [asyncio.ensure_future(work) for work in works]
            try:
                # Listening and watching end by failing only.
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Films a portrait that speaks.")
    parser.add_argument("portrait", help="a picture with a face seen from the front")
    parser.add_argument("voice", help="a WAV, FLAC, MP3 or Ogg Vorbis file")
    parser.add_argument("output", nargs="?", default="avatar.mp4", type=Path)
    parser.add_argument("--prompt", help='mood and manner, such as "smile warmly, nod"')
    options = parser.parse_args()
    if options.output.suffix.lower() not in (".mp4", ".mov", ".mkv"):
        parser.error(f"expected an output that ends in .mp4, .mov or .mkv, got {options.output}")
    if options.output.is_dir() or not options.output.parent.is_dir():
        parser.error(f"expected an output in a folder that is there, got {options.output}")
    film = Film(options.output)
    try:
        asyncio.run(speak(options.portrait, options.voice, film, options.prompt))
        film.close()
    except (ph.ParhelionError, OSError, asyncio.TimeoutError) as error:
        film.drop()
        raise SystemExit(f"avatar.py: {str(error) or 'no picture came in time'}") from None
    except BaseException:
        film.drop()
        raise
    print(f"{options.output}: {film.next_sample / RATE:.1f} s")


if __name__ == "__main__":
    main()
