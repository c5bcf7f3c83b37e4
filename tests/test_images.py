"""Pictures in and out."""

import io
import math
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import ROOT
from PIL import Image

import styletools as st
from styletools import images
from styletools.images import MEAN, STD, fit_size

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def encoded(image, file_format, **options):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


@pytest.fixture
def halves():
    """Red above, blue below, 20 wide and 30 high."""
    image = Image.new("RGB", (20, 30), RED)
    image.paste(BLUE, (0, 15, 20, 30))
    return image


@pytest.fixture
def noisy():
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8))


# --- reading -----------------------------------------------------------------------------------------------------------


def test_path_text_bytes_and_image_are_the_same_picture(noisy, tmp_path):
    path = tmp_path / "a picture.png"
    noisy.save(path)
    for source in (path, str(path), path.read_bytes(), noisy, Image.open(path)):
        loaded = st.load_image(source)
        assert loaded.mode == "RGB"
        assert np.array_equal(loaded, noisy)


def test_the_image_handed_in_is_left_alone(halves):
    grey = halves.convert("L")
    before = np.array(grey)
    st.load_image(grey)
    assert grey.mode == "L"
    assert np.array_equal(grey, before)


# EXIF orientation -> where the picture's upper half (red) lies in the file that a camera turned like this would write.
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", TURNS)
def test_photos_of_phones_are_turned_upright(halves, orientation):
    halves.paste(GREEN, (0, 0, 8, 8))  # upper left, to tell mirror images apart
    stored = halves if TURNS[orientation] is None else halves.transpose(TURNS[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = st.load_image(encoded(stored, "JPEG", exif=exif, quality=95, subsampling=0))
    assert loaded.size == (20, 30)
    assert np.abs(np.asarray(loaded, float) - np.asarray(halves, float)).mean() < 3
    assert st.load_image(loaded).size == (20, 30)  # and not turned again


def test_transparent_parts_are_laid_on_white():
    image = Image.new("RGBA", (3, 1), (*RED, 255))
    image.putpixel((1, 0), (*RED, 0))
    image.putpixel((2, 0), (0, 0, 0, 51))  # a fifth of black
    loaded = st.load_image(encoded(image, "PNG"))
    assert [loaded.getpixel((x, 0)) for x in range(3)] == [RED, WHITE, (204, 204, 204)]


def test_grey_with_alpha_is_laid_on_white():
    image = Image.new("LA", (2, 1), (100, 255))
    image.putpixel((1, 0), (0, 0))
    loaded = st.load_image(encoded(image, "PNG"))
    assert [loaded.getpixel((x, 0)) for x in range(2)] == [(100, 100, 100), WHITE]


def test_palette_with_a_transparent_colour():
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLUE])
    image.putpixel((1, 0), 1)
    loaded = st.load_image(encoded(image, "PNG", transparency=1))
    assert [loaded.getpixel((x, 0)) for x in range(2)] == [RED, WHITE]


def test_plain_palette(noisy):
    indexed = noisy.quantize(16)
    assert np.array_equal(st.load_image(encoded(indexed, "PNG")), indexed.convert("RGB"))


def test_rgb_with_a_transparent_colour(halves):
    loaded = st.load_image(encoded(halves, "PNG", transparency=BLUE))
    assert loaded.getpixel((5, 5)) == RED
    assert loaded.getpixel((5, 25)) == WHITE


def test_one_bit():
    image = Image.new("1", (2, 1), 0)
    image.putpixel((1, 0), 1)
    loaded = st.load_image(encoded(image, "PNG"))
    assert [loaded.getpixel((x, 0)) for x in range(2)] == [BLACK, WHITE]


def test_grey_keeps_every_value():
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    loaded = np.asarray(st.load_image(encoded(ramp, "PNG")))
    assert np.array_equal(loaded[0], np.arange(256)[:, None].repeat(3, axis=1))


def test_sixteen_bit_grey_is_scaled_not_clipped():
    deep = (np.arange(256) * 257).astype(np.uint16)[None]
    loaded = np.asarray(st.load_image(encoded(Image.fromarray(deep), "PNG")))
    assert np.array_equal(loaded[0, :, 0], np.arange(256))


def test_a_dark_sixteen_bit_picture_stays_dark():
    deep = np.full((2, 2), 200, dtype=np.uint16)  # 200 of 65535
    assert np.asarray(st.load_image(encoded(Image.fromarray(deep), "PNG"))).max() == 1


@pytest.mark.parametrize(("values", "expected"), [([0.0, 0.5, 1.0], [0, 128, 255]), ([0.0, 100.0, 255.0], [0, 100, 255])])
def test_floating_point_grey(values, expected):
    image = Image.fromarray(np.array([values], dtype=np.float32))
    assert np.asarray(st.load_image(encoded(image, "TIFF")))[0, :, 0].tolist() == expected


def test_cmyk_jpeg(halves):
    loaded = st.load_image(encoded(halves.convert("CMYK"), "JPEG", quality=95, subsampling=0))
    assert loaded.mode == "RGB"
    assert np.abs(np.asarray(loaded, float) - np.asarray(halves, float)).mean() < 4


def test_of_an_animation_the_first_frame():
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.array_equal(st.load_image(data), frames[0])


# --- what cannot be read -------------------------------------------------------------------------------------------------


def test_missing_file(tmp_path):
    with pytest.raises(st.ImageError, match=r"there is no file .*nothing\.jpg"):
        st.load_image(tmp_path / "nothing.jpg")


def test_folder(tmp_path):
    with pytest.raises(st.ImageError, match=r"is a folder"):
        st.load_image(tmp_path)


def test_text_file(tmp_path):
    path = tmp_path / "poem.jpg"
    path.write_text("no picture at all")
    with pytest.raises(st.ImageError, match=r"poem\.jpg is not a picture that can be read"):
        st.load_image(path)


@pytest.mark.parametrize("data", [b"", b"\x00", b"GIF98a"])
def test_bytes_that_are_no_picture(data):
    with pytest.raises(st.ImageError, match=r"the uploaded file is not a picture"):
        st.load_image(data)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_files(noisy, file_format, kept):
    data = encoded(noisy, file_format)
    with pytest.raises(st.ImageError, match=r"^the uploaded file is cut off or damaged; copy or download it again"):
        st.load_image(data[: int(kept * len(data))])


def test_truncated_file_opened_by_the_caller(noisy):
    data = encoded(noisy, "JPEG")
    lazy = Image.open(io.BytesIO(data[: len(data) // 2]))
    with pytest.raises(st.ImageError, match=r"^the picture is cut off or damaged; copy or download it again\.$"):
        st.load_image(lazy)


def test_damaged_headers_never_raise_anything_else(noisy):
    """PIL's plugins answer damaged files with a dozen kinds of exceptions; the user sees one."""
    rng = np.random.default_rng(0)
    for file_format in ("PNG", "PPM", "GIF", "WEBP"):
        good = encoded(noisy, file_format)
        for _ in range(40):
            data = bytearray(good)
            for place in rng.integers(0, 40, size=3):
                data[place] = rng.integers(256)
            with suppress(st.ImageError):
                assert st.load_image(bytes(data)).mode == "RGB"


def test_decompression_bomb(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(st.ImageError, match=r"more than 0\.0002 megapixels .*, the most that can be read; make it smaller"):
        st.load_image(encoded(Image.new("L", (50, 50)), "PNG"))


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "PNG"])
def test_a_damaged_note_about_which_side_is_up_is_ignored(halves, file_format):
    """EXIF that is no EXIF; the picture itself is whole."""
    for exif in (b"Exif\0\0nonsense", b"Exif\0\0MM\0", b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0"):
        loaded = st.load_image(encoded(halves, file_format, exif=exif, quality=95, subsampling=0))
        assert loaded.size == (20, 30)
        assert np.abs(np.asarray(loaded, float) - np.asarray(halves, float)).mean() < 10


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux shows them")
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])
def test_no_file_stays_open(halves, tmp_path, monkeypatch, file_format):
    """Windows would not let it be replaced. Pillow keeps those open that may hold several pictures."""
    (tmp_path / "a picture").write_bytes(encoded(halves, file_format))
    opened, original = [], Image.open
    monkeypatch.setattr(Image, "open", lambda *arguments: opened.append(original(*arguments)) or opened[-1])
    before = len(os.listdir("/proc/self/fd"))
    st.load_image(tmp_path / "a picture")
    assert len(os.listdir("/proc/self/fd")) == before
    assert opened, "and it is still in use here"


# --- samples -------------------------------------------------------------------------------------------------------------


def test_samples_are_pictures_of_the_project():
    names = st.sample_names()
    assert names == sorted(names)
    assert {"eilean_donan", "great_wave"} <= set(names)
    assert all(st.sample(name).mode == "RGB" for name in names)


@pytest.mark.parametrize("name", ["mona_lisa", "", "great_wave.jpg", "strips/01", "../img/great_wave"])
def test_unknown_sample_names_the_ones_there_are(name):
    with pytest.raises(st.ImageError, match=rf"^there is no sample '{name}'; choose from .*great_wave.*\.$"):
        st.sample(name)


def test_the_name_of_a_sample_stands_for_its_picture_everywhere():
    for name in st.sample_names():
        assert st.load_image(name).tobytes() == st.sample(name).tobytes()
    assert torch.equal(st.preprocess("chelsea", 20), st.preprocess(st.sample("chelsea"), 20))


def test_a_file_with_the_name_of_a_sample_is_meant_by_its_path(noisy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noisy.save("chelsea", "PNG")
    assert np.array_equal(st.load_image(Path("chelsea")), noisy)
    assert np.array_equal(st.load_image("./chelsea"), noisy)
    assert st.load_image("chelsea").tobytes() == st.sample("chelsea").tobytes()


def test_a_name_that_is_neither_sample_nor_file_lists_the_samples():
    with pytest.raises(
        st.ImageError, match=r"^there is no file mona_lisa, and no sample of that name; samples are .*wave.*\.$"
    ):
        st.load_image("mona_lisa")
    with pytest.raises(st.ImageError, match=r"^there is no file mona_lisa\.jpg\.$"):
        st.load_image("mona_lisa.jpg")


def test_samples_of_an_installed_package_are_inside_it(noisy, tmp_path, monkeypatch):
    assert images.samples_folder() == ROOT / "img", "in the project they lie beside it"
    noisy.save(tmp_path / "own.jpg")
    monkeypatch.setattr(images, "SAMPLES", tmp_path)
    assert (st.sample_names(), st.sample("own").size) == (["own"], noisy.size)


# --- preprocess and postprocess ------------------------------------------------------------------------------------------


def test_preprocess_known_values():
    x = st.preprocess(Image.new("RGB", (5, 4), (255, 0, 128)))
    assert x.shape == (1, 3, 4, 5)
    assert x.dtype == torch.float32
    assert x.is_contiguous()
    expected = [(1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (128 / 255 - 0.406) / 0.225]
    assert x[0, :, 2, 3].tolist() == pytest.approx(expected, abs=1e-6)


def test_a_picture_of_any_kind_as_an_image(noisy):
    assert np.array_equal(images.as_image(noisy.convert("L")), noisy.convert("L").convert("RGB"))
    assert np.array_equal(images.as_image(encoded(noisy, "PNG")), noisy)
    assert np.array_equal(images.as_image(st.preprocess(noisy)), noisy)
    assert images.as_image("chelsea").tobytes() == st.sample("chelsea").tobytes()


def test_preprocess_matches_torchvision(noisy):
    from torchvision.transforms import functional as transforms

    expected = transforms.normalize(transforms.to_tensor(noisy), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    torch.testing.assert_close(st.preprocess(noisy)[0], expected)


def test_preprocess_reads_any_source(noisy, tmp_path):
    noisy.save(tmp_path / "x.png")
    assert torch.equal(st.preprocess(tmp_path / "x.png"), st.preprocess(noisy))
    assert st.preprocess(noisy.convert("L")).shape == (1, 3, 30, 40)


def test_the_round_trip_keeps_all_256_bytes():
    ramp = np.arange(256, dtype=np.uint8)
    picture = np.stack([ramp, ramp[::-1], np.roll(ramp, 100)], axis=-1).reshape(16, 16, 3)
    assert np.array_equal(st.postprocess(st.preprocess(Image.fromarray(picture))), picture)


def test_postprocess_takes_other_dtypes_and_tensors_with_gradients(noisy):
    assert np.array_equal(st.postprocess(st.preprocess(noisy).double().requires_grad_()), noisy)


def test_postprocess_clips_and_leaves_its_input_alone():
    x = torch.stack([torch.full((2, 2), value) for value in (99.0, -99.0, 0.0)])[None]
    before = x.clone()
    assert st.postprocess(x).getpixel((0, 0)) == (255, 0, 104)  # 0.406 * 255 = 103.5
    assert torch.equal(x, before)


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 5), (1, 1, 4, 5), (1, 4, 5, 3), (3,)])
def test_postprocess_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"expected one picture .*\(1, 3, H, W\), got shape"):
        st.postprocess(torch.zeros(shape))


@pytest.mark.parametrize(
    ("width", "height", "size", "expected"),
    [
        (400, 200, 100, (50, 100)),
        (200, 400, 100, (100, 50)),
        (30, 20, 60, (40, 60)),
        (1000, 3, 100, (1, 100)),
        (7, 7, 5, (5, 5)),
    ],
)
def test_a_number_is_the_longer_side(width, height, size, expected):
    assert fit_size(height, width, size) == expected
    assert st.preprocess(Image.new("RGB", (width, height)), size).shape[-2:] == expected


def test_a_pair_is_height_and_width_exactly(noisy):
    assert st.preprocess(noisy, (7, 90)).shape == (1, 3, 7, 90)


def test_resizing_a_constant_picture_changes_nothing():
    x = st.preprocess(Image.new("RGB", (50, 31), (10, 200, 77)), 64)
    assert torch.equal(x, x[:, :, :1, :1].expand_as(x))


IMPOSSIBLE = [0, -1, -100, 0.5, 64.5, math.nan, math.inf, -math.inf, True, False, "64", "large", b"64", 64j, 10**30, [], {}]
IMPOSSIBLE += [np.float32("nan"), np.bool_(True), np.array([64]), torch.tensor(True), torch.tensor(math.nan), {}]
IMPOSSIBLE += [(0, 10), (10, 0), (-5, 10), (10,), (9, 9, 9), (10, None), (10, "10"), (10, math.nan), (True, True), [[10, 10]]]


@pytest.mark.parametrize("size", IMPOSSIBLE, ids=repr)
def test_impossible_sizes(noisy, size):
    with pytest.raises(
        st.ImageError, match=r"^a size of .{1,60} leaves no picture; sizes are positive whole numbers of pixels\.$"
    ):
        st.preprocess(noisy, size)


@pytest.mark.parametrize("size", [10**9, (10**5, 10**5), 2**62, 1e18], ids=repr)
def test_a_size_that_no_memory_holds(noisy, size):
    with pytest.raises(st.ImageError, match=r"^a size of .* is too large; pictures have at most 89\.5 megapixels\.$"):
        st.preprocess(noisy, size)


@pytest.mark.parametrize("number", [float, np.int64, np.uint8, np.float32, np.float16, np.array, torch.tensor, np.longdouble])
def test_sizes_are_numbers_of_every_library(noisy, number):
    assert torch.equal(st.preprocess(noisy, number(20)), st.preprocess(noisy, 20))
    assert torch.equal(st.preprocess(noisy, (number(7), number(9))), st.preprocess(noisy, (7, 9)))


def test_pairs_of_every_library(noisy):
    for pair in ([7, 9], np.array([7, 9]), np.array([7.0, 9.0]), torch.Size([7, 9]), torch.tensor([7, 9])):
        assert st.preprocess(noisy, pair).shape == (1, 3, 7, 9)


def test_the_smallest_size_is_one_pixel(noisy):
    assert max(st.preprocess(noisy, 1).shape[-2:]) == 1


# --- the box of existing colours -----------------------------------------------------------------------------------------


def test_clamp_to_box_is_black_to_white_and_a_projection():
    x = torch.randn(1, 3, 20, 20, generator=torch.Generator().manual_seed(0)) * 5
    clamped = st.clamp_to_box(x)
    unit = clamped * STD + MEAN
    assert unit.min() >= -1e-6
    assert unit.max() <= 1 + 1e-6
    torch.testing.assert_close(unit, (x * STD + MEAN).clamp(0, 1), atol=1e-6, rtol=0)
    assert torch.equal(st.clamp_to_box(clamped), clamped)


def test_clamp_to_box_leaves_pictures_alone_to_the_bit(make_picture):
    x = st.preprocess(Image.fromarray(np.arange(192, 256, dtype=np.uint8).reshape(8, 8)))
    black_and_white = st.preprocess(Image.fromarray(np.array([[0, 255]], dtype=np.uint8)))
    for picture in (x, black_and_white, make_picture()):
        assert torch.equal(st.clamp_to_box(picture), picture)


def test_clamp_to_box_keeps_dtype(make_picture):
    assert st.clamp_to_box(make_picture().double()).dtype == torch.float64


# --- writing -------------------------------------------------------------------------------------------------------------


def test_save_image_and_tensor(noisy, tmp_path):
    st.save_image(noisy, tmp_path / "a.png")
    st.save_image(st.preprocess(noisy), str(tmp_path / "b.png"))
    assert np.array_equal(Image.open(tmp_path / "a.png"), noisy)
    assert np.array_equal(Image.open(tmp_path / "b.png"), noisy)


@pytest.mark.parametrize("name", ["missing/folder.png", "no_ending", "x.unknown", "."])
def test_save_where_nothing_can_be_written(noisy, tmp_path, name):
    with pytest.raises(st.ImageError, match=r"cannot write a picture to"):
        st.save_image(noisy, tmp_path / name)


def test_options_go_to_the_writer(noisy, tmp_path):
    st.save_image(noisy, tmp_path / "a.gif", format="PNG", pnginfo=None)
    assert (tmp_path / "a.gif").read_bytes().startswith(b"\x89PNG")


def test_jpeg_keeps_the_colours_of_every_pixel(tmp_path):
    """Red and blue columns, one pixel wide: with colours stored for every second pixel only, all would be purple."""
    stripes = Image.fromarray(np.tile(np.array([[RED, BLUE]], dtype=np.uint8), (16, 8, 1)))
    st.save_image(stripes, tmp_path / "a.jpg")
    assert np.abs(np.asarray(st.load_image(tmp_path / "a.jpg"), float) - np.asarray(stripes, float)).mean() < 10


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_picture_that_cannot_be_written_leaves_the_old_one(noisy, tmp_path, monkeypatch, error):
    path = tmp_path / "a.png"
    st.save_image(noisy, path)

    def break_off(picture, file, **options):
        Path(file).write_bytes(b"half a picture")
        raise error

    monkeypatch.setattr(Image.Image, "save", break_off)
    with pytest.raises(st.ImageError if isinstance(error, OSError) else KeyboardInterrupt):
        st.save_image(noisy.rotate(90), path)
    assert np.array_equal(st.load_image(path), noisy)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_options_of_a_save_that_failed_are_forgotten(noisy, tmp_path):
    """Pillow keeps them with the picture otherwise."""
    with pytest.raises(st.ImageError):
        st.save_image(noisy, tmp_path / "missing" / "a.jpg", dpi=(7, 7))
    st.save_image(noisy, tmp_path / "a.jpg", dpi=(72, 72))
    st.save_image(noisy, tmp_path / "b.jpg")
    for name, dpi in (("a.jpg", (72, 72)), ("b.jpg", None)):
        with Image.open(tmp_path / name) as image:
            assert image.info.get("dpi") == dpi
