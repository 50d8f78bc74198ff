"""What an image can be made from, and what is said about everything else."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from urllib.parse import quote_from_bytes

import numpy as np
import pytest
from PIL import Image

import parhelion as ph
from parhelion.images import source_of

PIXELS = np.full((24, 32, 3), (200, 100, 50), np.uint8)


def encoded(kind: str = "PNG", picture: Image.Image | None = None, **options: object) -> bytes:
    file = io.BytesIO()
    (Image.fromarray(PIXELS) if picture is None else picture).save(file, kind, **options)
    return file.getvalue()


PNG = encoded()


def refused(image: object, says: str) -> ph.InvalidInputError:
    with pytest.raises(ph.InvalidInputError, match=says) as caught:
        source_of(image, "set_image")
    error = caught.value
    assert error.operation == "set_image"
    assert "image: " in error.message
    assert len(str(error)) < 600
    return error


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_bytes_of_a_file(kind, tmp_path, monkeypatch):
    contents = encoded(kind)
    for image in (contents, bytearray(contents), memoryview(contents)):
        source_of(image, "set")
    path = tmp_path / "a picture ☀.bin"
    path.write_bytes(contents)
    for image in (path, str(path), os.fsencode(path).decode()):
        source_of(image, "set")
    monkeypatch.chdir(tmp_path)
    source_of("a picture ☀.bin", "set")
    text = base64.b64encode(contents).decode()
    for image in (
        f"data:image/png;base64,{text}",
        f"DATA:;BASE64,{text}",
        f"data:text/plain;charset=utf-8;base64,{text.rstrip('=')}",
        f"data:image/png;base64,{text[:40]}\n{text[40:]}",
        f"data:image/png;base64,{text.replace('+', '%2B').replace('/', '%2F')}",
        f"data:image/png,{quote_from_bytes(contents)}",
        text,
        f"{text[:76]}\r\n{text[76:]}\n",
    ):
        source_of(image, "set")


@pytest.mark.parametrize(
    "array",
    [
        PIXELS,
        PIXELS[..., ::-1],
        PIXELS[::2, ::-3],
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((5, 7), np.uint8),
        np.zeros((5, 7, 1), np.uint8),
        np.zeros((5, 7, 4), np.uint8),
        ph.Frame(np.zeros((6, 4), np.uint8), format="i420"),
        ph.Frame(PIXELS, format="bgr24"),
    ],
    ids=lambda array: str(array.shape),
)
def test_pixels(array):
    source_of(array, "set")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_every_mode_of_pillow(mode):
    picture = Image.fromarray(PIXELS)
    if mode == "PA":
        picture = picture.convert("P")
    source_of(picture.convert(mode), "set")


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (None, "NoneType"),
        (3, "int"),
        (object(), "object"),
        (["a.png"], "list"),
        (io.BytesIO(PNG), "BytesIO"),
        (b"", "1 to 20971520 bytes, got 0"),
        (b"no image", "PNG, JPEG or WebP"),
        (PNG[:-4], "truncated"),
        (encoded("GIF"), "a GIF"),
        (encoded("BMP"), "a BMP"),
        (encoded("TIFF"), "a TIFF"),
        (bytes(20 * 1024 * 1024 + 1), "20971520"),
        ("", "empty"),
        ("  ", "empty"),
        ("no/such/file.png", "no/such/file.png' cannot be read: No such file"),
        (Path("no/such/file.png"), "cannot be read"),
        ("a\0b", "cannot be read"),
        ("\udfff", "cannot be read"),
        ("x" * 9999, "cannot be read"),
        ("/9j/" * 10, "cannot be read"),
        ("iVBORw0KGgo" + "A" * 100_000, "PNG"),
        ("iVBORw0KGgo" + "A" * 100_000 + "*", "base64"),
        (base64.b64encode(b"hello, world").decode(), "cannot be read"),
        (".", "a directory"),
        ("/dev/null", "no regular file"),
        ("file:///etc/passwd", "starts with file:"),
        ("blob:https://host/7f", "starts with blob:"),
        ("ftp://host/a.png", "starts with ftp:"),
        ("s3://bucket/a.png", "starts with s3:"),
        ("data:image/png;base64", "without a comma"),
        ("data:image/png;base64,", "got 0"),
        ("data:image/png;base64,ab*c", "standard base64"),
        ("data:image/png;base64,aGVsbG8=", "something else"),
        ("data:text/plain,hello", "something else"),
        ("data:,%zz", "something else"),
        ("data:image/png;base64," + "A" * (28 << 20), "20971520"),
        ("data:," + "A" * (61 << 20), "20971520"),
        ("http://", "URL with a host"),
        ("https://user:secret@/x", "URL"),
        (PIXELS.astype(np.float32) / 255, "dtype float32"),
        (PIXELS.astype(np.int64), "dtype int64"),
        (PIXELS > 3, "dtype bool"),
        (PIXELS[0, 0], "shape"),
        (PIXELS[None], "shape"),
        (np.zeros((4, 4, 2), np.uint8), "shape"),
        (np.zeros((0, 4, 3), np.uint8), "4x0"),
        (np.broadcast_to(np.uint8(0), (8193, 1, 3)), "8192"),
        (np.broadcast_to(np.uint8(0), (8192, 8192)), "33177600"),
        (Image.new("F", (4, 4)), "mode 'F'"),
        (Image.new("I", (4, 4)), "mode 'I'"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_image(image, says):
    refused(image, says)


def test_the_hints_say_what_to_do():
    assert "read()" in refused(io.BytesIO(PNG), "BytesIO").hint
    assert "path" in refused("file:///a.png", "file:").hint
    assert "astype" in refused(PIXELS.astype(float), "float64").hint
    assert "Frame(" in refused(PIXELS[0, 0], "shape").hint


def test_a_file_that_is_too_long_is_not_read(tmp_path):
    path = tmp_path / "long.png"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole
    refused(path, "20971520 bytes")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    refused(path, "no regular file")


def png(header: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    contents = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", header), *chunks, (b"IEND", b"")):
        crc = zlib.crc32(kind + body).to_bytes(4, "big")
        contents += len(body).to_bytes(4, "big") + kind + body + crc
    return contents


def test_a_bomb_is_refused_by_what_it_claims():
    rows = zlib.compress(bytes(1 << 24), 9)
    header = (30_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    error = refused(png(header, (b"IDAT", rows)), "got 30000 x 30000")
    assert "8192" in error.message


def test_a_colour_profile_that_explodes_does_no_harm():
    """Half a gigabyte in a file of two megabytes, beside a picture of one pixel."""
    squeezer = zlib.compressobj(1)
    profile = b"".join(squeezer.compress(bytes(1 << 20)) for _ in range(1 << 9))
    profile = b"p\0\0" + profile + squeezer.flush()
    header = (1).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    pixel = zlib.compress(bytes(4))
    bomb = png(header, (b"iCCP", profile), (b"IDAT", pixel))
    code = (
        "import resource, sys\n"
        "from parhelion.images import source_of\n"
        "from parhelion import InvalidInputError\n"
        "contents = sys.stdin.buffer.read()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    source_of(contents, 'set')\nexcept InvalidInputError:\n    pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=bomb, capture_output=True, check=True)
    assert int(done.stdout) < 300 * 1024, "kilobytes"


def test_pillow_is_imported_for_its_own_images_only():
    code = (
        "import sys, numpy\n"
        "from parhelion.images import source_of\n"
        "source_of(numpy.zeros((4, 4, 3), numpy.uint8), 'set')\n"
        "try:\n    source_of('nothing.png', 'set')\nexcept ValueError:\n    pass\n"
        "print('PIL' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_picture_of_pillow_that_breaks_off_is_refused():
    picture = Image.open(io.BytesIO(encoded("BMP")[:-100]))
    refused(picture, "PIL image cannot be read")


def test_looking_at_a_file_lets_other_threads_run():
    """Not a matter of speed: it would never end if the interpreter were held."""
    started, ended = threading.Event(), threading.Event()

    def look() -> None:
        started.set()
        for _ in range(20):
            source_of(PNG, "set")
        ended.set()

    thread = threading.Thread(target=look)
    thread.start()
    assert started.wait(10)
    assert ended.wait(10)
    thread.join()


def test_unset_is_a_value_of_its_own():
    import copy
    import pickle

    assert repr(ph.UNSET) == "UNSET"
    assert not ph.UNSET
    assert ph.UNSET is not None
    assert isinstance(ph.UNSET, ph.Unset)
    for twin in (copy.deepcopy(ph.UNSET), pickle.loads(pickle.dumps(ph.UNSET)), ph.sync.UNSET):
        assert twin is ph.UNSET


def test_an_initial_state_takes_words_and_does_not_print_pictures():
    assert ph.InitialState("noir", PNG).prompt == "noir"
    assert "PNG" not in repr(ph.InitialState("noir", PNG))
    for prompt in ("", " ", 3, b"noir", "\ud800", "x" * 10_001, ph.UNSET):
        with pytest.raises(ph.InvalidInputError, match="prompt: expected") as caught:
            ph.InitialState(prompt)
        assert caught.value.operation == "InitialState"
