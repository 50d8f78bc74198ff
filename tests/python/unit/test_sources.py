"""Each kind of stream, read by itself."""

from __future__ import annotations

import contextlib
import http.server
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import parhelion as ph
from parhelion.sources import files, halves_of
from parhelion.sources.base import BlockingSource, Picture, Timeline
from parhelion.sources.files import FileSource
from parhelion.sources.opencv import CaptureSource

BLACK = np.zeros((4, 6, 3), np.uint8)


def source_of(stream: object, format: str = "rgb24") -> BlockingSource:
    ((source, _),) = halves_of(stream, format=format, policy="latest", fps=None, model_fps=25)
    return source


class FakeCapture:
    """A ``cv2.VideoCapture`` without OpenCV."""

    def __init__(self, pictures=(), *, rate=25.0, count=0.0, backend="FFMPEG", opened=True) -> None:
        self.pictures = list(pictures)
        self.numbers = {0: 0.0, 1: 0.0, 5: rate, 7: count}
        self.backend = backend
        self.opened = opened
        self.released = False

    def isOpened(self):  # noqa: N802 - OpenCV's name
        return self.opened

    def getBackendName(self):  # noqa: N802 - OpenCV's name
        return self.backend

    def get(self, which):
        return self.numbers[which]

    def read(self):
        if not self.pictures:
            return False, None
        self.numbers[0] += 40.0
        self.numbers[1] += 1.0
        return True, self.pictures.pop(0)

    def release(self):
        self.released = True


# Iterables ---------------------------------------------------------------------------------------


def test_anything_that_for_goes_through_is_a_stream():
    class Sequence:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            if index == 2:
                raise IndexError
            return BLACK

    for stream in ([BLACK, BLACK], (BLACK, BLACK), iter([BLACK, BLACK]), Sequence()):
        assert [picture.data is BLACK for picture in source_of(stream).pictures()] == [True, True]


def test_a_stack_is_as_many_pictures():
    stack = np.stack([BLACK, BLACK + 1, BLACK + 2])
    assert [picture.data[0, 0, 0] for picture in source_of(stack).pictures()] == [0, 1, 2]
    gray = [picture.data.shape for picture in source_of(stack[..., 0], "gray").pictures()]
    assert gray == [(4, 6)] * 3


def test_a_frame_brings_its_format_and_its_timestamp():
    frame = ph.Frame(BLACK, format="bgr24", timestamp=1.5)
    assert list(source_of([frame]).pictures()) == [Picture(frame.data, "bgr24", None, 1.5)]


def test_nothing_is_taken_from_an_iterable_before_its_time():
    taken = []

    def generate():
        taken.append(1)
        yield BLACK

    source = source_of(generate())
    source.open()
    pictures = source.pictures()
    assert taken == []
    next(pictures)
    assert taken == [1]


def test_a_generator_that_nobody_holds_is_closed():
    closed = []

    def generate():
        try:
            while True:
                yield BLACK
        finally:
            closed.append(1)

    source = source_of(generate())
    pictures = source.pictures()
    next(pictures)
    source.close()
    del pictures
    assert closed == [1]


def test_an_error_of_an_iterable_names_the_item():
    source = source_of([])
    cause = RuntimeError("no more film")
    error = source.failed(7, cause)
    assert isinstance(error, ph.SourceError)
    assert str(error) == "stream: the list raised RuntimeError at item 7: no more film"
    assert error.__cause__ is cause
    refused = source.refused(3, ph.InvalidInputError("expected uint8", hint="convert it"))
    assert str(refused) == "stream: item 3 of the list: expected uint8 (convert it)"


# Captures ----------------------------------------------------------------------------------------


def test_a_capture_of_a_file_has_its_own_rate_and_times():
    capture = FakeCapture([BLACK] * 3, rate=30.0, count=3)
    source = source_of(capture)
    assert isinstance(source, CaptureSource)
    source.open()
    assert (source.rate, source.is_live, source.is_camera) == (30.0, False, False)
    pictures = list(source.pictures())
    assert [picture.format for picture in pictures] == ["bgr24"] * 3
    assert [round(picture.timestamp, 3) for picture in pictures] == [0.0, 0.04, 0.08]
    source.close()
    assert not capture.released, "what the user opened stays open"


@pytest.mark.parametrize("backend", ["V4L2", "AVFOUNDATION", "DSHOW", "MSMF"])
def test_a_capture_of_a_camera_is_known_as_one(backend):
    source = source_of(FakeCapture([BLACK], count=-1, backend=backend))
    source.open()
    assert source.is_camera
    assert source.is_live
    pictures = source.pictures()
    assert next(pictures).timestamp is None
    with pytest.raises(ph.SourceError, match="no more pictures"):
        next(pictures)


def test_a_network_stream_is_live_but_no_camera():
    source = source_of(FakeCapture([BLACK], count=-2147483648.0))
    source.open()
    assert (source.is_live, source.is_camera) == (True, False)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf"), 90_000.0])
def test_a_rate_that_cannot_be_is_none(rate):
    source = source_of(FakeCapture([BLACK], rate=rate, count=1))
    source.open()
    assert source.rate is None


@pytest.mark.parametrize(
    ("shape", "format"), [((4, 6), "gray"), ((4, 6, 1), "gray"), ((4, 6, 4), "bgra")]
)
def test_what_a_capture_gives_is_taken_for_what_it_is(shape, format):
    source = source_of(FakeCapture([np.zeros(shape, np.uint8)], count=1))
    source.open()
    assert next(source.pictures()).format == format


def test_a_capture_that_is_not_opened_says_so():
    with pytest.raises(ph.SourceError, match="VideoCapture is not opened") as caught:
        source_of(FakeCapture(opened=False)).open()
    assert "isOpened" in caught.value.hint


def test_times_that_are_missing_or_turn_back_go_on_at_the_rate():
    timeline = Timeline(20.0)
    times = [5.0, 5.05, None, 5.0, 5.4, 5.1]
    places = [round(timeline.place(time), 6) for time in times]
    assert places == [0.0, 0.05, 0.1, 0.15, 0.4, 0.45]


# Files, URLs, cameras ----------------------------------------------------------------------------


@pytest.fixture(params=["cv2", "av"])
def decoder(request, monkeypatch) -> str:
    """Each of the two libraries by itself, as if the other were not installed."""
    other = {"cv2": "av", "av": "cv2"}[request.param]
    pytest.importorskip(request.param)
    monkeypatch.setitem(sys.modules, other, None)
    return request.param


@pytest.fixture
def opened() -> Iterator[list[BlockingSource]]:
    sources: list[BlockingSource] = []
    yield sources
    for source in sources:
        source.close()


def test_a_file_is_read_to_its_end(decoder, clip, opened):
    source = source_of(clip)
    opened.append(source)
    source.open()
    assert (round(source.rate, 2), source.is_live, source.is_camera) == (29.97, False, False)
    pictures = list(source.pictures())
    assert len(pictures) == 120
    assert pictures[0].format == {"cv2": "bgr24", "av": "rgb24"}[decoder]
    assert {picture.data.shape for picture in pictures} == {(144, 176, 3)}
    times = [picture.timestamp for picture in pictures]
    assert times == sorted(set(times))
    assert times[0] == 0
    assert times[-1] == pytest.approx(119 / 29.97, abs=0.02)


def test_both_libraries_see_the_same_picture(clip, monkeypatch, difference):
    pytest.importorskip("cv2")
    pytest.importorskip("av")
    seen = []
    for other in ("av", "cv2"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, other, None)
            source = source_of(str(clip))
            source.open()
            picture = next(source.pictures())
            seen.append(ph.Frame(picture.data, format=picture.format).to("rgb24"))
            source.close()
    assert difference(*seen) < 3


def test_a_file_may_be_given_as_a_url(decoder, clip, opened):
    source = source_of(clip.as_uri())
    opened.append(source)
    source.open()
    assert next(source.pictures()).data.shape == (144, 176, 3)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.mp4", None, "No such file"),
        ("0", None, "No such file"),
        ("empty.mp4", b"", "is empty"),
        ("text.mp4", b"this is no video, however long it may be " * 99, "cannot be opened"),
    ],
)
def test_a_file_that_is_no_video_says_so(decoder, tmp_path, name, content, says):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ph.SourceError, match=says) as caught:
        source_of(path).open()
    assert str(path) in str(caught.value)


def test_a_number_in_a_str_is_told_from_a_camera(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ph.SourceError, match="camera is given by its index"):
        source_of("0").open()


def test_a_folder_is_no_file(decoder, tmp_path):
    with pytest.raises(ph.SourceError, match="is a folder"):
        source_of(tmp_path).open()


def test_a_video_that_is_damaged_gives_what_can_be_decoded(decoder, clip, tmp_path, opened, caplog):
    content = bytearray(clip.read_bytes())
    start = len(content) // 3
    content[start : start + 50_000] = bytes(50_000)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(content)
    source = source_of(damaged)
    opened.append(source)
    source.open()
    pictures = list(source.pictures())
    if decoder == "cv2":  # which gives up
        assert 10 < len(pictures) < 60
        assert re.search(r"ended after \d+ of about 120 pictures", caplog.text)
    else:
        assert 60 < len(pictures) < 120
        assert pictures[-1].timestamp > 3.5, "the end is there"
        assert caplog.text == ""


def test_a_video_whose_end_is_missing_cannot_be_opened(decoder, clip, tmp_path):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[:100_000])
    with pytest.raises(ph.SourceError, match="cannot be opened"):
        source_of(cut).open()


@pytest.fixture
def web_server(clip) -> Iterator[str]:
    """The address of the clip on a server that gives parts of files, as FFmpeg wants them."""
    content = clip.read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            start = int(re.match(r"bytes=(\d+)", self.headers.get("Range", "bytes=0"))[1])
            self.send_response(206)
            self.send_header("Content-Length", str(len(content) - start))
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # it asks for another part
                self.wfile.write(content[start:])

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://user:secret@127.0.0.1:{server.server_port}/clip.mp4"
        server.shutdown()
        serving.join()


def test_a_video_on_the_web_is_a_file_with_a_rate_of_its_own(decoder, web_server, opened):
    source = source_of(web_server)
    opened.append(source)
    source.open()
    assert (round(source.rate, 2), source.is_live) == (29.97, False)
    assert len(list(source.pictures())) == 120
    assert "secret" not in source.description


def test_a_url_that_nobody_answers_names_no_secret(decoder):
    with pytest.raises(ph.SourceError, match="cannot be opened") as caught:
        source_of("http://user:secret@127.0.0.1:9/clip.mp4?token=hidden").open()
    text = f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"
    assert "http://127.0.0.1:9/clip.mp4" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or "secret" not in text


@pytest.mark.skipif(Path("/dev/video99").exists(), reason="there is such a camera")
def test_a_camera_that_is_not_there_says_so(decoder):
    with pytest.raises(ph.SourceError, match="camera 99"):
        source_of(99).open()


def test_without_a_library_the_error_says_what_to_install(monkeypatch, clip):
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ph.SourceError, match="need OpenCV or PyAV") as caught:
        source_of(clip).open()
    assert "pip install opencv-python-headless" in caught.value.hint
    assert "pip install av" in caught.value.hint


def test_the_library_that_the_program_uses_is_used(monkeypatch):
    imported = []
    monkeypatch.setattr(files.importlib, "import_module", imported.append)
    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    monkeypatch.setitem(sys.modules, "av", object())
    files._decoder()
    monkeypatch.setitem(sys.modules, "cv2", object())
    files._decoder()
    monkeypatch.delitem(sys.modules, "av", raising=False)
    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    files._decoder()
    assert imported == ["av", "cv2", "cv2"]


def test_a_live_source_is_fresh_when_it_is_wanted(monkeypatch, opened):
    """The picture that proves that a camera works is old when the session is connected."""
    capture = FakeCapture([BLACK, BLACK + 1, BLACK + 2], count=-1, backend="V4L2")

    class Module:
        CAP_FFMPEG = 1900

        @staticmethod
        def VideoCapture(target):  # noqa: N802 - OpenCV's name
            assert target == 0
            return capture

    monkeypatch.setitem(sys.modules, "cv2", Module)
    source = FileSource(0)
    source.open()
    assert source.is_camera
    assert [next(source.pictures()).data[0, 0, 0] for _ in range(2)] == [1, 2]
    source.close()
    assert capture.released, "what we opened is closed"


# Both --------------------------------------------------------------------------------------------


def test_an_object_with_both_is_as_good_as_media():
    class Both:
        video = (BLACK,)
        audio = None

    for stream in (Both(), ph.Media(video=[BLACK])):
        assert len(list(source_of(stream).pictures())) == 1
    assert halves_of(ph.Media(), format="rgb24", policy="latest", fps=None, model_fps=25) == []
