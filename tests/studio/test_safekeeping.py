"""A studio on disk: whole or not at all, and only for a day."""

import json
import os
import time

import pytest
from PIL import Image

import styletools as st
from styletools.studio import safekeeping as safekeeping_module
from styletools.studio.engine import TransferEngine, packed
from styletools.studio.safekeeping import ABOUT, DAY, Safe
from styletools.studio.settings import named

TAB = "0123456789"
JOB = st.Job("eilean_donan", "great_wave", 32, 5, coarse_to_fine=False)


def snapshot(color, label=""):
    return st.Snapshot(Image.new("RGB", (9, 9), color), JOB, label)


@pytest.fixture
def safe(tmp_path):
    return Safe(TAB, "size=32", tmp_path)


@pytest.fixture(scope="module")
def state():
    engine = TransferEngine(JOB)
    for _ in range(2):
        engine.step(JOB.weights)
    return engine.state()


def shown(kept):
    return [(one.label, one.image.getpixel((0, 0)), one.settings) for one in kept.snapshots]


def test_what_was_kept_is_found(safe, tmp_path, state):
    safe.keep(JOB, state, [snapshot("red", "α <b>"), snapshot("blue")], {"projector": True})
    kept = Safe(TAB, "size=32", tmp_path).find()
    assert kept.job == JOB
    assert shown(kept) == [("α <b>", (255, 0, 0), JOB), ("", (0, 0, 255), JOB)]
    assert kept.page == {"projector": True}
    engine = TransferEngine(JOB)
    engine.restore(kept.state)
    assert engine.history == list(state["history"])
    assert str(packed(engine.state())) == str(packed(state))


def test_without_a_state_and_without_snapshots(safe):
    assert safe.find() is None
    safe.keep(JOB, None, [])
    kept = safe.find()
    assert (kept.job, kept.state, kept.snapshots, kept.page) == (JOB, None, [], {})


def test_the_names_of_uploads_are_kept(safe):
    cat = named(Image.new("RGB", (32, 20), "red"), "cat.jpg")
    safe.keep(st.Job(cat, Image.new("RGB", (32, 20)), 32, 5, coarse_to_fine=False), None, [])
    job = safe.find().job
    assert (job.content.info.get("name"), job.style.info.get("name")) == ("cat.jpg", None)
    assert job.content.tobytes() == cat.tobytes()


def test_two_styles_and_a_mask_are_kept(safe):
    wall = named(Image.new("RGB", (32, 20), "red"), "wall.jpg")
    mask = Image.new("L", (60, 40))
    mask.paste(255, (0, 0, 30, 40))
    styles = [st.Style("great_wave", scale=0.5), st.Style(wall, weight=0.3, where=mask)]
    safe.keep(st.Job("eilean_donan", styles, 32, 5, coarse_to_fine=False, colors="after"), None, [])
    job = safe.find().job
    first, second = job.styles
    assert (job.colors, first, second.weight, second.picture.info["name"]) == ("after", styles[0], 0.3, "wall.jpg")
    assert second.where.convert("L").tobytes() == mask.tobytes()


def test_a_snapshot_is_written_once(safe, state, monkeypatch):
    written = []
    real = safekeeping_module.save_picture
    monkeypatch.setattr(safekeeping_module, "save_picture", lambda *what: written.append(what[0]) or real(*what))
    red, blue = snapshot("red", "1"), snapshot("blue", "2")
    safe.keep(JOB, state, [red])
    safe.keep(JOB, state, [red, blue])
    safe.keep(JOB, state, [red, blue])
    assert written == [red.image, blue.image]
    assert len(list(safe.folder.glob("*.safetensors"))) == 1


def test_snapshots_that_are_deleted_or_renamed(safe, tmp_path):
    red, blue, lime = snapshot("red", "1"), snapshot("blue", "2"), snapshot("lime", "3")
    safe.keep(JOB, None, [red, blue, lime])
    safe.keep(JOB, None, [blue, st.Snapshot(lime.image, JOB, "the best")])
    assert [one[:2] for one in shown(safe.find())] == [("2", (0, 0, 255)), ("the best", (0, 255, 0))]
    assert len(list(safe.folder.iterdir())) == 3, "what is not used is deleted"
    safe.keep(JOB, None, [])
    assert [place.name for place in safe.folder.iterdir()] == [ABOUT]


def test_another_kernel_does_not_mistake_pictures(safe, tmp_path):
    """Its pictures may lie at the same addresses in memory, with the same names."""
    safe.keep(JOB, None, [snapshot("red", "1")])
    other = Safe(TAB, "size=32", tmp_path)
    other.keep(JOB, None, [snapshot("blue", "1")])
    assert [one[1] for one in shown(safe.find())] == [(0, 0, 255)]
    safe.keep(JOB, None, [snapshot("lime", "1")])
    assert [one[1] for one in shown(other.find())] == [(0, 255, 0)]


def test_writing_that_is_cut_off_leaves_what_was_there(safe, state, monkeypatch):
    safe.keep(JOB, None, [snapshot("red", "1")])
    for name in ("write_run", "save_picture", "replacing"):
        with monkeypatch.context() as patch:
            patch.setattr(safekeeping_module, name, lambda *what: (_ for _ in ()).throw(OSError("no space left on device")))
            with pytest.raises(OSError, match="no space"):
                safe.keep(JOB, state, [snapshot("blue", "2")])
        assert [one[:2] for one in shown(safe.find())] == [("1", (255, 0, 0))]
    safe.keep(JOB, state, [snapshot("blue", "2")])
    assert len(list(safe.folder.iterdir())) == 3, "leftovers are deleted"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '"text"', "7", "[" * 100_000, '{"job": 1}', '{"job": "{}", "snapshots": [], "run": null}'],
)
def test_a_damaged_list_is_ignored(safe, text):
    safe.keep(JOB, None, [])
    (safe.folder / ABOUT).write_text(text)
    assert safe.find() is None


@pytest.mark.parametrize("field", ["job", "names", "run", "snapshots", "page"])
@pytest.mark.parametrize("value", [None, 7, "text", [7], {"a": 1}, [["missing.png", "x"]]], ids=str)
def test_a_list_with_something_else_in_it(safe, state, field, value):
    safe.keep(JOB, state, [snapshot("red", "1")])
    about = json.loads((safe.folder / ABOUT).read_text())
    (safe.folder / ABOUT).write_text(json.dumps({**about, field: value}))
    kept = safe.find()
    assert kept is None or (field, value) == ("run", None) or (field == "page" and isinstance(kept.page, dict))


@pytest.mark.parametrize("ending", [".safetensors", ".png"])
@pytest.mark.parametrize("damage", ["missing", "empty", "half", "other"])
def test_a_damaged_file_is_ignored(safe, state, ending, damage):
    safe.keep(JOB, state, [snapshot("red", "1")])
    (place,) = safe.folder.glob(f"*{ending}")
    data = place.read_bytes()
    place.write_bytes({"missing": b"", "empty": b"", "half": data[: len(data) // 2], "other": b"Dear diary"}[damage])
    if damage == "missing":
        place.unlink()
    assert safe.find() is None


@pytest.mark.parametrize("tab", ["", "abc", "../../../etc", "0123456789/..", "ABCDEFGH", "0123456789\n", "é" * 9, "a" * 65])
def test_numbers_of_tabs_that_are_none(tmp_path, tab):
    with pytest.raises(ValueError, match="is no number of a tab"):
        Safe(tab, "", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_tab_and_every_address_has_its_own_folder(tmp_path):
    folders = {Safe(tab, opened, tmp_path).folder for tab in ("0123456789", "abcdefghij") for opened in ("", "size=32", "../x")}
    assert len(folders) == 6
    assert {folder.parent for folder in folders} == {tmp_path}


def test_what_is_more_than_a_day_old_is_deleted(tmp_path):
    old, new = Safe("old0000000", "", tmp_path), Safe("new0000000", "", tmp_path)
    for one in (old, new):
        one.keep(JOB, None, [snapshot("red")])
    os.utime(old.folder, times=(time.time() - DAY - 60,) * 2)
    Safe(TAB, "", tmp_path)
    assert (old.folder.exists(), new.folder.exists()) == (False, True)
    assert new.find() is not None


@pytest.mark.skipif(os.name != "posix", reason="other systems have other rights")
def test_nobody_else_may_read_it(monkeypatch, tmp_path):
    monkeypatch.setattr(safekeeping_module.tempfile, "gettempdir", lambda: str(tmp_path))
    safe = Safe(TAB)
    safe.keep(JOB, None, [])
    assert [folder.stat().st_mode & 0o077 for folder in (safe.folder, safe.folder.parent)] == [0, 0]


@pytest.mark.parametrize("error", [KeyError, OSError, ModuleNotFoundError])
def test_a_user_without_a_name(monkeypatch, tmp_path, error):
    """As in a container that runs as a number."""

    def nobody():
        raise error("no such user")

    monkeypatch.setattr(safekeeping_module.getpass, "getuser", nobody)
    monkeypatch.setattr(safekeeping_module.tempfile, "gettempdir", lambda: str(tmp_path))
    assert Safe(TAB).folder.parent.name == "styletools-studio-somebody"


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file"):
        Safe(TAB, "", tmp_path / "file" / "folder")


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no users here")
def test_a_folder_of_somebody_else_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(OSError, match="belongs to somebody else"):
        Safe("0123456789abcdef", folder=tmp_path)
