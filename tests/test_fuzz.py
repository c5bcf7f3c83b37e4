"""Files damaged in two thousand ways: a picture, or one sentence; never another error, nor much memory."""

import io
import json
import struct
import time
import zlib

import numpy as np
import pytest
from helpers import run_python
from PIL import Image

import styletools as st

resource = pytest.importorskip("resource")  # not on Windows

FORMATS = {
    "JPEG": ({"quality": 90}, {"progressive": True}, {"subsampling": 0, "exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
    "PNG": ({}, {"transparency": (1, 2, 3)}, {"save_all": True, "append_images": [Image.new("RGB", (29, 23))]}),
    "WEBP": ({"lossless": True}, {"quality": 80}, {"save_all": True, "append_images": [Image.new("RGB", (29, 23))]}),
    "GIF": ({}, {"save_all": True, "append_images": [Image.new("RGB", (29, 23), "red")]}),
    "TIFF": ({}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}, {"compression": "jpeg"}),
}
EACH = 400
ODD = [b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\1\0\0"]


def good(file_format):
    """A few whole files of a format, in several modes."""
    rng = np.random.default_rng(1)
    noise = Image.fromarray(rng.integers(0, 256, (23, 29, 3), dtype=np.uint8))
    found = []
    for options in FORMATS[file_format]:
        file = io.BytesIO()
        noise.save(file, file_format, **options)
        found.append(file.getvalue())
    for mode in {"PNG": ["P", "LA", "I;16", "1", "RGBA"], "TIFF": ["F", "CMYK", "I;16", "LAB", "P"], "JPEG": ["CMYK", "L"]}.get(
        file_format, []
    ):
        image = (
            noise.convert("L").convert("I").point(lambda v: v * 200).convert("I;16") if mode == "I;16" else noise.convert(mode)
        )
        file = io.BytesIO()
        image.save(file, file_format)
        found.append(file.getvalue())
    return found


def with_right_sums(png):
    """A PNG file whose checksums fit what is in it, so that the damage is not noticed by them alone."""
    found, place = bytearray(png), 8
    while place + 12 <= len(found):
        length = struct.unpack(">I", found[place : place + 4])[0]
        end = place + 8 + length
        if end + 4 > len(found):
            break
        found[end : end + 4] = struct.pack(">I", zlib.crc32(found[place + 4 : end]))
        place = end + 4
    return bytes(found)


def damaged(data, rng):
    """Change bytes, put in, take out, repeat or cut off; mostly near the beginning, where the notes are."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        end = len(data) if rng.random() < 0.4 else min(len(data), 200)
        place, length = int(rng.integers(0, max(1, end))), int(rng.integers(1, 9))
        kind = rng.integers(6)
        if kind == 0:
            data[place : place + length] = rng.bytes(length)
        elif kind == 1:
            data[place : place + 1] = bytes([data[place] ^ 1 << int(rng.integers(8))]) if place < len(data) else b""
        elif kind == 2:
            odd = ODD[int(rng.integers(len(ODD)))]
            data[place : place + len(odd)] = odd
        elif kind == 3:
            del data[place : place + length]
        elif kind == 4:
            data[place:place] = data[place : place + 8 * length]
        elif rng.random() < 0.3:
            del data[place + 8 :]
    return bytes(data)


def mutations(file_format):
    """The damaged files of a format: the same ones every time."""
    rng = np.random.default_rng(sum(file_format.encode()))
    files = good(file_format)
    for number in range(EACH):
        data = damaged(files[number % len(files)], rng)
        yield with_right_sums(data) if file_format == "PNG" and number % 4 else data


def survive(file_format):
    """Load them all; returns how many loaded and what was said of the others."""
    loaded, said = 0, {}
    for data in mutations(file_format):
        try:
            picture = st.load_image(data)
        except st.ImageError as error:
            sentence = str(error)
            assert sentence.startswith("the uploaded file ") and sentence.endswith(".") and "\n" not in sentence, sentence
            said[sentence] = said.get(sentence, 0) + 1
        else:
            assert picture.mode == "RGB" and min(picture.size) > 0
            loaded += 1
    return loaded, said


def watched(file_format):
    """Survive, and report: how many loaded, how many were refused, seconds, and megabytes at the highest."""
    st.load_image(good(file_format)[0])
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    loaded, said = survive(file_format)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps([loaded, sum(said.values()), time.perf_counter() - start, used / 1024]))


@pytest.mark.parametrize("file_format", FORMATS)
def test_damaged_files_are_pictures_or_one_sentence(file_format):
    """In a process of its own, where nothing else takes memory and what libraries print is seen."""
    program = "import sys; sys.path.insert(0, sys.argv[1]); import test_fuzz; test_fuzz.watched(sys.argv[2])"
    result = run_python("-c", program, __file__.rpartition("test_fuzz")[0], file_format)
    assert result.returncode == 0, result.stderr
    if file_format != "TIFF":  # libtiff prints by itself what it thinks of a file, and Pillow does not stop it
        assert result.stderr == ""
    loaded, refused, seconds, used = json.loads(result.stdout)
    assert loaded + refused == EACH
    assert loaded > EACH // 20 and refused > EACH // 20, "else they were damaged too much or too little to tell"
    assert seconds < 60 / len(FORMATS)
    assert used < 1500  # megabytes: a few bytes may ask for a picture of 179 megapixels


def test_the_files_are_pictures_before_they_are_damaged():
    for file_format in FORMATS:
        assert all(st.load_image(data).size == (29, 23) for data in good(file_format))
