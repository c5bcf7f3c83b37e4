"""Files of weights that are not what they should be: told before anything of them is used, in one sentence with a way out."""

import errno
import json
import multiprocessing
import os
import pickle
import re
import shutil
import sys
from pathlib import Path

import pytest
import torch
from helpers import run_python
from safetensors.torch import save_file

import styletools as st
from styletools import trust
from styletools import vgg as vgg_module
from styletools.vgg import ORIGINAL_FILE, TRIMMED_FILE


@pytest.fixture
def narrow(narrow_vgg19, monkeypatch, tmp_path):
    """Pretend torchvision's VGG-19 is narrow; returns its weights. A folder `named` is where they are looked for."""
    (tmp_path / "named").mkdir()
    monkeypatch.setenv("STYLETOOLS_WEIGHTS", str(tmp_path / "named"))
    return narrow_vgg19.state_dict()


def load():
    return st.load_vgg("vgg19-torchvision", device="cpu")


def cache(tmp_path):
    return tmp_path / "torch home" / "hub" / "styletools" / TRIMMED_FILE


def checked_sentence(error):
    text = str(error)
    assert text.endswith(".")
    assert ". " not in text
    assert "\n" not in text
    assert "Traceback" not in text
    return text


class Bomb:
    """What a pickle may do when it is opened."""

    def __reduce__(self):
        return os.mkdir, ("exploded",)


def truncated(path, weights):
    save_file(weights, path)
    path.write_bytes(path.read_bytes()[:-7])


def altered(path, weights):
    save_file(weights, path, metadata={"sha256": trust.weights_checksum(weights)})
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


def other_weights():
    return {name: one.contiguous() for name, one in st.load_vgg(device="cpu").features.state_dict().items()}


DAMAGE = {
    "empty": lambda path, weights: path.write_bytes(b""),
    "text": lambda path, weights: path.write_text("<html>404</html>" * 50),
    "truncated": truncated,
    "one bit altered": altered,
    "another network": lambda path, weights: save_file(other_weights(), path),
    "a layer missing": lambda path, weights: save_file({k: v for k, v in weights.items() if k != "10.bias"}, path),
    "another shape": lambda path, weights: save_file({**weights, "10.bias": torch.zeros(3)}, path),
    "no numbers": lambda path, weights: save_file({**weights, "0.bias": weights["0.bias"] / 0}, path),
    "whole numbers": lambda path, weights: save_file({**weights, "0.bias": weights["0.bias"].int()}, path),
    "a pickle": lambda path, weights: path.write_bytes(pickle.dumps(Bomb())),
    "a torch file": lambda path, weights: torch.save(weights, path),
    "a huge header": lambda path, weights: path.write_bytes(b"\xff" * 8 + b"{}"),
}


@pytest.mark.parametrize("place", ["named", "cache"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_trimmed_file_is_told(narrow, tmp_path, monkeypatch, damage, place):
    monkeypatch.chdir(tmp_path)
    path = cache(tmp_path) if place == "cache" else tmp_path / "named" / TRIMMED_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    DAMAGE[damage](path, narrow)
    with pytest.raises(
        st.WeightsError, match=rf"^{re.escape(str(path))} cannot be read; it may be incomplete.*delete it"
    ) as told:
        load()
    assert "STYLETOOLS_WEIGHTS" in checked_sentence(told.value)
    assert "'vgg19'" in str(told.value)
    assert not Path("exploded").exists()


@pytest.mark.parametrize("damage", ["a pickle", "truncated", "altered", "another network", "right"])
def test_a_damaged_original_file_is_told(narrow, tmp_path, monkeypatch, damage):
    """Its checksum is compared before it is opened."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "named" / ORIGINAL_FILE
    torch.save({f"features.{name}": one for name, one in narrow.items()}, path)
    monkeypatch.setattr(vgg_module, "ORIGINAL_SHA256", trust.file_checksum(path)[:8])
    data = path.read_bytes()
    if damage == "right":
        assert torch.equal(load().features[0].weight, narrow["0.weight"])
        return
    if damage == "a pickle":
        torch.save(Bomb(), path)
    elif damage == "another network":
        torch.save(other_weights(), path)
    else:
        path.write_bytes(data[:-9] if damage == "truncated" else data[:2000] + b"x" + data[2001:])
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("opened"))
    with pytest.raises(st.WeightsError, match=r"it may be incomplete \(its checksum differs\): delete it") as told:
        load()
    checked_sentence(told.value)
    assert not Path("exploded").exists()


def test_a_pickle_with_the_right_checksum_is_not_trusted_either(narrow, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "named" / ORIGINAL_FILE
    torch.save(Bomb(), path)
    monkeypatch.setattr(vgg_module, "ORIGINAL_SHA256", trust.file_checksum(path))
    with pytest.raises(st.WeightsError):
        load()
    assert not Path("exploded").exists()


@pytest.mark.parametrize("kind", ["unreadable", "missing", "damaged"])
@pytest.mark.parametrize(("name", "file"), [("vgg19-slim", "SLIM_FILE"), ("vgg19", "MEANS_FILE")])
def test_files_of_the_package_itself(monkeypatch, tmp_path, kind, name, file):
    path = tmp_path / "copy.safetensors"
    if kind != "missing":
        shutil.copy(getattr(vgg_module, file), path)
    if kind == "damaged":
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    if kind == "unreadable":  # made up, because root may read everything
        read = Path.read_bytes
        error = PermissionError(errno.EACCES, "Permission denied", str(path))
        monkeypatch.setattr(Path, "read_bytes", lambda self: fail(error) if self == path else read(self))
    monkeypatch.setattr(vgg_module, file, path)
    words = {"missing": "No such file", "unreadable": "Permission denied", "damaged": "its checksum differs"}[kind]
    with pytest.raises(st.WeightsError, match=rf"copy\.safetensors .*{words}.*; install styletools again\.$") as told:
        st.load_vgg(name, device="cpu", rescale=name == "vgg19")
    checked_sentence(told.value)


def fail(error):
    raise error


@pytest.mark.parametrize("where", ["folder", "file"])
def test_a_cache_that_may_not_be_read_is_told(narrow, tmp_path, monkeypatch, where):
    """Made up, because root may read everything. A folder that is locked hides its files; they would be downloaded again."""
    path = cache(tmp_path)
    path.parent.mkdir(parents=True)
    save_file(narrow, path)
    locked = PermissionError(errno.EACCES, "Permission denied")
    if where == "folder":
        stat = os.stat
        monkeypatch.setattr(
            os, "stat", lambda place, *a, **k: fail(locked) if "torch home" in str(place) else stat(place, *a, **k)
        )
        monkeypatch.setattr(vgg_module, "_download", lambda: narrow)
        assert torch.equal(load().features[0].weight, narrow["0.weight"])
        return
    monkeypatch.setattr(vgg_module, "load_file", lambda _: fail(locked))
    with pytest.raises(st.WeightsError, match="cannot be read") as told:
        load()
    checked_sentence(told.value)


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EROFS, "Read-only file system")]
)
@pytest.mark.parametrize("half", [True, False])
def test_a_full_disk_or_a_read_only_cache_costs_only_time(narrow, tmp_path, monkeypatch, error, half):
    monkeypatch.setattr(vgg_module, "_download", lambda: dict(narrow))

    def save(weights, path, metadata):
        if half:
            Path(path).write_bytes(b"half a file")
        raise error

    monkeypatch.setattr(vgg_module, "save_file", save)
    assert torch.equal(load().features[0].weight, narrow["0.weight"])
    assert list(cache(tmp_path).parent.iterdir()) == [], "nothing half written is left"


def test_a_full_disk_while_downloading_is_told(narrow, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *_, **__: fail(full))
    with pytest.raises(st.WeightsError, match=r"cannot be downloaded .*No space left on device.*need no download"):
        load()


def test_half_a_file_of_a_killed_process_is_never_read(narrow, tmp_path, monkeypatch):
    cache(tmp_path).parent.mkdir(parents=True)
    for name in (f".123-{TRIMMED_FILE}", f"{TRIMMED_FILE}.part"):
        (cache(tmp_path).parent / name).write_bytes(b"half a file")
    monkeypatch.setattr(vgg_module, "_download", lambda: dict(narrow))
    assert torch.equal(load().features[0].weight, narrow["0.weight"])
    assert trust.noted_checksum(cache(tmp_path)) == trust.weights_checksum(narrow)
    monkeypatch.setattr(vgg_module, "_download", lambda: pytest.fail("it is in the cache"))
    load()


def write_and_read(narrow, times, writes):
    vgg_module._download = lambda: dict(narrow)
    if writes:  # as if it were not there yet
        vgg_module.os.path.isfile = lambda path: False
    for _ in range(times):
        assert torch.equal(vgg_module._torchvision_weights()["0.weight"], narrow["0.weight"])


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_several_processes_at_once(narrow, tmp_path):
    """Two write the same cache again and again, two read it; nobody ever sees half a file."""
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=write_and_read, args=(narrow, 40, i % 2 == 0)) for i in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert not list(cache(tmp_path).parent.glob(".*"))


OFFLINE = """
import json, socket
def refuse(*_, **__):
    raise AssertionError("the network was asked for")
for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname"):
    setattr(socket, name, refuse)
import urllib.request
urllib.request.urlopen = refuse
import styletools as st
shapes = [list(st.load_vgg(name, device="cpu")(st.preprocess("chelsea", 32), ["relu5_1"])["relu5_1"].shape) for name in
          ("vgg19", "vgg19-slim")]
print(json.dumps([shapes, st.stylize("chelsea", "great_wave", 32, steps=1).size]))
"""


def test_neither_the_import_nor_the_offline_networks_ask_the_network(tmp_path):
    result = run_python("-c", OFFLINE, cwd=tmp_path, TORCH_HOME=str(tmp_path / "none"), STYLETOOLS_WEIGHTS=str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)[0] == [[1, 512, 1, 2], [1, 256, 1, 2]]
