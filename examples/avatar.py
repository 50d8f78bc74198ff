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
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

import parhelion as ph

RATE = 48_000
FRAMES_PER_SECOND = 25
LEAD_SECONDS = 0.6
"""What is kept before the voice begins, and after it has ended."""


class Film:
    """Writes pictures and sound as they come, by their times."""

    def __init__(self, path: Path) -> None:
        self.container = av.open(str(path), "w")
        self.video = self.container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        self.video.width, self.video.height, self.video.pix_fmt = 1280, 720, "yuv420p"
        self.video.options = {"crf": "18", "preset": "veryfast"}
        self.video.codec_context.time_base = Fraction(1, 1000)
        self.audio = self.container.add_stream("aac", rate=RATE, layout="stereo")
        self.rolling = False
        self.began: float | None = None
        self.last_picture, self.next_sample = -1, 0

    def show(self, frame: ph.Frame) -> None:
        """Adds a picture at its capture time."""
        if self.began is None or frame.capture_time is None:
            return
        at = round((frame.capture_time - self.began) * 1000)
        if at <= self.last_picture:
            return
        self.last_picture = at
        picture = av.VideoFrame.from_ndarray(frame.data, format="rgb24")
        picture.pts, picture.time_base = at, Fraction(1, 1000)
        self.container.mux(self.video.encode(picture))

    def sound(self, block: ph.AudioFrame) -> None:
        """Adds a block of sound; the first one begins the film."""
        if not self.rolling:
            return
        if self.began is None:
            self.began = block.capture_time
        sound = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(block.data.reshape(1, -1)), format="s16", layout="stereo"
        )
        sound.sample_rate, sound.time_base = RATE, Fraction(1, RATE)
        sound.pts = self.next_sample
        self.next_sample += len(block.data)
        self.container.mux(self.audio.encode(sound))

    def close(self) -> None:
        """Writes what is still in the encoders."""
        self.container.mux(self.video.encode())
        self.container.mux(self.audio.encode())
        self.container.close()


async def speak(portrait: str, voice: str, output: Path, prompt: str | None) -> None:
    """Plays the voice to a live session and films what comes back."""
    film = Film(output)
    async with ph.LocalServer() as server:
        client = ph.Client(server.api_key, base_url=server.url)
        async with client.realtime.connect(None, model="live_avatar") as rt:
            rt.on(
                "diagnostic",
                lambda name, data: (
                    print(name, data.get("message", "")) if name == "prompt" else None
                ),
            )

            async def listen() -> None:
                async for block in rt.remote_stream.audio_frames():
                    film.sound(block)

            async def watch() -> None:
                async for frame in rt.frames():
                    film.show(frame)

            tasks = [asyncio.create_task(listen()), asyncio.create_task(watch())]
            await rt.set_image(portrait, prompt=prompt)
            await asyncio.sleep(1.0)  # the portrait has faded in
            film.rolling = True
            await asyncio.sleep(LEAD_SECONDS)
            await rt.play_audio(voice)
            await asyncio.sleep(LEAD_SECONDS)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    film.close()
    print(f"{output}: {film.next_sample / RATE:.1f} s")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Films a portrait that speaks.")
    parser.add_argument("portrait", help="a picture with a face seen from the front")
    parser.add_argument("voice", help="a WAV, FLAC, MP3 or Ogg Vorbis file")
    parser.add_argument("output", nargs="?", default="avatar.mp4", type=Path)
    parser.add_argument("--prompt", help='mood and manner, such as "smile warmly, nod"')
    options = parser.parse_args()
    asyncio.run(speak(options.portrait, options.voice, options.output, options.prompt))


if __name__ == "__main__":
    main()
