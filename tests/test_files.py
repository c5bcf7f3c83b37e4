"""Files are whole or what they were before."""

import os
from pathlib import Path

import pytest

from styletools.files import replacing


@pytest.fixture
def path(tmp_path):
    """A file with something in it, in a folder of its own."""
    (tmp_path / "a run.safetensors").write_text("old")
    return tmp_path / "a run.safetensors"


def files(folder):
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_what_was_written_is_in_the_place_of_the_old_file(path):
    with replacing(path) as unfinished:
        unfinished.write_text("new")
        assert path.read_text() == "old", "until all is well"
    assert files(path.parent) == {path.name: "new"}


def test_a_file_that_was_not_there(tmp_path):
    with replacing(str(tmp_path / "a.png")) as unfinished:
        assert isinstance(unfinished, Path)
        unfinished.write_text("new")
    assert files(tmp_path) == {"a.png": "new"}


@pytest.mark.parametrize("error", [OSError, ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError])
@pytest.mark.parametrize("written", [None, "", "half a fi"])
def test_the_old_file_stays_when_writing_ends_early(path, error, written):
    """Whatever ends it, and before the first byte or after."""
    with pytest.raises(error), replacing(path) as unfinished:
        if written is not None:
            unfinished.write_text(written)
        raise error
    assert files(path.parent) == {path.name: "old"}


def test_nothing_is_left_where_nothing_was(tmp_path):
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a.png") as unfinished:
        unfinished.write_text("half")
        raise KeyboardInterrupt
    assert files(tmp_path) == {}


def test_the_old_file_stays_when_nothing_was_written(path):
    with pytest.raises(FileNotFoundError), replacing(path):
        pass
    assert files(path.parent) == {path.name: "old"}


def test_the_old_file_stays_when_it_cannot_be_replaced(path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "in use")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError), replacing(path) as unfinished:
        unfinished.write_text("new")
    assert files(path.parent) == {path.name: "old"}


@pytest.mark.parametrize("name", ["a.png", "A Picture.JPEG", "run.safetensors", "two.dots.webp", "no ending"])
def test_the_unfinished_file_keeps_the_ending_and_lies_beside_and_hidden(tmp_path, name):
    """The ending tells writers what to write, and between two disks a file cannot be put in another's place at once."""
    with replacing(tmp_path / name) as unfinished:
        assert unfinished.suffix == Path(name).suffix
        assert unfinished.parent == tmp_path
        assert unfinished.name.startswith(".")
        assert unfinished.name != name
        assert not unfinished.exists()
        unfinished.touch()
    assert list(files(tmp_path)) == [name]


def test_two_processes_do_not_write_one_unfinished_file(path, monkeypatch):
    with replacing(path) as mine:
        mine.write_text("mine")
        monkeypatch.setattr(os, "getpid", lambda: -1)
        with replacing(path) as theirs:
            assert theirs != mine
            theirs.write_text("theirs")
        assert files(path.parent) == {path.name: "theirs", mine.name: "mine"}
    assert files(path.parent) == {path.name: "mine"}


@pytest.mark.parametrize("name", ["missing/a.png", "a run.safetensors/a.png"])
def test_a_place_where_nothing_can_be_written(path, name):
    with pytest.raises(OSError, match=r"directory"), replacing(path.parent / name) as unfinished:
        unfinished.write_text("new")
    assert files(path.parent) == {path.name: "old"}


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OSError, match=r"folder\.png"), replacing(tmp_path / "folder.png") as unfinished:
        unfinished.write_text("new")
    assert [file.name for file in tmp_path.iterdir()] == ["folder.png"]
