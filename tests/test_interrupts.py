"""Whatever ends a painting on the command line, real signals at random moments among it, the picture so far is kept."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import torch
from helpers import ROOT, run_python
from PIL import Image

import styletools as st
from styletools import __main__ as cli
from styletools.command import painting, progress
from styletools.interrupts import Interrupts

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and counts on the signals of Unix")

FORKING = """
import json, os, random, resource, signal, sys, time
import torch._dynamo  # what torch's optimisers import, two seconds
from styletools import __main__ as cli
from styletools import interrupts

kind, seed, count, longest, *options = json.loads(sys.argv[1])
chance = random.Random(seed)
for number in interrupts.SIGNALS:  # as python -m styletools does while it imports
    signal.signal(number, interrupts.leave)
for i in range(count):
    delay, number = chance.random() * longest, interrupts.SIGNALS[i % 2]
    pid = os.fork()
    if not pid:
        os.dup2(os.open(f"err{i}", os.O_CREAT | os.O_WRONLY), 2)
        if kind == "memory":
            pages = int(open("/proc/self/statm").read().split()[0])
            room = pages * resource.getpagesize() + int(longest * 2**20)
            resource.setrlimit(resource.RLIMIT_AS, (room, room))
        os._exit(cli.main(["photo.png", "wave.png", "-o", f"out{i}.png", *options]))
    if kind == "signals":
        time.sleep(delay)
        os.kill(pid, number)
        if i % 5 == 4:  # impatient
            os.kill(pid, number)
    print(json.dumps([delay, number, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]))
"""


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A working folder with photo.png and wave.png."""
    monkeypatch.chdir(tmp_path)
    st.sample("chelsea").resize((96, 64)).save("photo.png")
    st.sample("great_wave").resize((80, 80)).save("wave.png")
    return tmp_path


def forked(*order):
    """(moment, signal, exit status, last line on stderr) of each of several paintings, forked from one process."""
    result = run_python("-c", FORKING, json.dumps(order))
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return [(*line, Path(f"err{i}").read_text().replace("\r", "\n").strip().split("\n")[-1]) for i, line in enumerate(lines)]


RUNS = {
    "Adam": ["--size=64", "--steps=300", "--recipe=balanced"],
    "L-BFGS": ["--size=64", "--steps=300", "--recipe=modules", "--network=vgg19-slim"],
    "coarse to fine": ["--size=182", "--steps=30"],
}


@pytest.mark.parametrize("kind", RUNS)
def test_signals_at_random_moments_leave_a_picture_and_a_sentence(pictures, kind):
    """17 of each kind, from the first instant on: 51 in all."""
    assert cli.main(["photo.png", "wave.png", "-o", "whole.png", *RUNS[kind]]) == 0
    ends = forked("signals", 12, 17, 1.5, *RUNS[kind])
    kept = 0
    for i, (_, number, status, last) in enumerate(ends):
        out = Path(f"out{i}.png")
        if status == 0:
            assert out.read_bytes() == Path("whole.png").read_bytes()
            continue
        assert status == 128 + number, last
        if last == "styletools: interrupted; nothing was painted yet.":
            assert not out.exists()
        elif last == f"styletools: interrupted; the picture is in {out}.":
            assert out.read_bytes() == Path("whole.png").read_bytes()
        else:
            assert last == f"styletools: interrupted; the picture so far is in {out}."
            (job,) = st.read_jobs(out)
            assert job.done >= 1
            kept += 1
            if kept == 3:
                assert cli.main(["--from", str(out), "-o", "again.png", "--overwrite"]) == 0
                assert Path("again.png").read_bytes() == out.read_bytes(), "it says how far it came"
    assert kept >= 5, ends
    assert not list(pictures.glob(".*")), "nothing half written"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay", [0.3, 1.0])
def test_a_signal_in_the_first_second_of_a_real_process(pictures, number, delay):
    """While torch is imported, say: no traceback."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "styletools", "photo.png", "wave.png", "--size=182", "--steps=2000"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    time.sleep(delay)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    last = told.replace("\r", "\n").strip().splitlines()[-1]
    words = "the picture so far is in out.png" if Path("out.png").exists() else "nothing was painted yet"
    assert last == f"styletools: interrupted; {words}."
    assert "Traceback" not in told


def test_another_program_keeps_its_signals():
    """Whatever they are: a shell starts programs in the background with SIGINT ignored."""
    program = "import signal; before = signal.getsignal(signal.SIGINT); import styletools; "
    program += "assert signal.getsignal(signal.SIGINT) is before"
    assert run_python("-c", program).returncode == 0


def test_signals_are_noted_and_told_when_it_is_time():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Interrupts() as interrupts:
        interrupts.check()
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert interrupts.status == 143, "the first one counts"
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_signal_in_a_long_step_counts_at_the_next_layer(make_vgg, make_picture):
    vgg = make_vgg()
    with Interrupts() as interrupts:
        interrupts.watch(vgg.features)
        vgg(make_picture(), ["relu1_1"])
        vgg.features[1].register_forward_hook(lambda *_: signal.raise_signal(signal.SIGINT))
        vgg.features[3].register_forward_hook(lambda *_: pytest.fail("too late"))
        with pytest.raises(KeyboardInterrupt):
            vgg(make_picture(), ["relu5_1"])


def test_a_signal_while_the_finished_picture_is_written_waits(pictures, monkeypatch, capsys):
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: (signal.raise_signal(signal.SIGTERM), replace(*paths)))
    assert cli.main(["photo.png", "wave.png", "--size=48", "--steps=2"]) == 143
    assert capsys.readouterr().err.splitlines()[-1] == "styletools: interrupted; the picture is in out.png."
    assert st.read_jobs("out.png") == [st.Job("photo.png", "wave.png", 48, 2)]


# --- memory and faults -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [200, 300])
def test_too_little_memory_keeps_the_last_finished_scale(pictures, room):
    """Megabytes beyond those of the program itself, measured in address space as `ulimit -v` does."""
    ((_, _, status, last),) = forked("memory", 0, 1, room, "--size=1500", "--steps=2")
    assert status == 2, last
    told = re.fullmatch(
        r"styletools: there is not enough memory to paint at (\d+) pixels; the picture so far \((\d+) x (\d+) pixels\) is in "
        r"out0\.png; choose a smaller --size\.", last
    )  # fmt: skip
    assert told, last
    picture = st.load_image("out0.png")
    assert picture.size == (int(told[2]), int(told[3]))
    assert picture.width <= int(told[1])


FAULTS = {
    "memory": (MemoryError(), "there is not enough memory to paint at 182 pixels; "),
    "allocator": (
        RuntimeError("[enforce] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"),
        "there is not",
    ),
    "graphics memory": (torch.OutOfMemoryError("CUDA out of memory."), "there is not enough memory to paint at 182 pixels; "),
    "ours": (ZeroDivisionError("division by zero"), "an unexpected ZeroDivisionError ended the painting (division by zero); "),
    "operating system": (OSError(5, "Input/output error"), "an unexpected OSError ended the painting"),
    "exit": (SystemExit(3), "an unexpected SystemExit ended the painting"),
}


@pytest.mark.parametrize("stage", ["in a step", "between scales"])
@pytest.mark.parametrize("fault", FAULTS)
def test_any_fault_on_the_way_keeps_the_picture(pictures, monkeypatch, capsys, fault, stage):
    error, words = FAULTS[fault]
    name = "step" if stage == "in a step" else "inherit"
    original = getattr(st.StyleTransfer, name)

    def fail(transfer, *arguments):
        if transfer.job.size > 91 and (name == "inherit" or len(transfer.history) == 1):
            raise error
        return original(transfer, *arguments)

    monkeypatch.setattr(st.StyleTransfer, name, fail)
    assert cli.main(["photo.png", "wave.png", "--size=182", "--steps=3"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"styletools: {words}")
    assert " is in out.png" in last
    assert st.read_jobs("out.png")[0].done == (4 if name == "step" else 3)
    assert st.load_image("out.png").width == (182 if name == "step" else 91)


def test_no_memory_before_the_first_step_says_so(pictures, monkeypatch, capsys):
    def fail(_):
        raise MemoryError

    monkeypatch.setattr(st.StyleTransfer, "step", fail)
    assert cli.main(["photo.png", "wave.png", "--size=48"]) == 2
    expected = "there is not enough memory to paint at 48 pixels; nothing was painted yet; choose a smaller --size."
    assert capsys.readouterr().err.splitlines()[-1] == f"styletools: {expected}"
    monkeypatch.setattr(st.Job, "load_network", fail)
    assert cli.main(["photo.png", "wave.png", "--size=48"]) == 2
    assert "there is not enough memory; nothing was painted yet" in capsys.readouterr().err


# --- where to save -----------------------------------------------------------------------------------------------------


def test_a_picture_that_cannot_be_saved_is_saved_elsewhere(pictures, monkeypatch, capsys, tmp_path_factory):
    """First in the folder for temporary files, then at home, then where one is; the sentence names the place."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: "/nowhere")
    save = painting.save_picture
    monkeypatch.setattr(painting, "save_picture", lambda image, path, *jobs: save(image, full(path), *jobs))

    def full(path):
        if not Path(path).is_absolute():
            raise st.ImageError(f"cannot write a picture to {path} (No space left on device).")
        return path

    assert cli.main(["photo.png", "wave.png", "--size=48", "--steps=2"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    (saved,) = home.glob("styletools-*/out.png")
    trouble = "cannot write a picture to out.png (No space left on device)"
    assert last == f"styletools: {trouble}; the picture is in {saved}."
    assert st.read_jobs(saved) == [st.Job("photo.png", "wave.png", 48, 2)]


def test_nowhere_to_save_is_said(pictures, monkeypatch, capsys):
    def fail(image, path, *_):
        raise st.ImageError(f"cannot write a picture to {path} (No space left on device).")

    monkeypatch.setattr(painting, "save_picture", fail)
    assert cli.main(["photo.png", "wave.png", "--size=48", "--steps=2"]) == 2
    expected = "cannot write a picture to out.png (No space left on device), nor anywhere else."
    assert capsys.readouterr().err.splitlines()[-1] == f"styletools: {expected}"


def test_a_picture_of_the_way_that_cannot_be_kept_does_not_end_the_painting(pictures, monkeypatch, capsys):
    def fail(image, path):
        raise st.ImageError(f"cannot write a picture to {path} (No space left on device).")

    monkeypatch.setattr(progress, "save_image", fail)
    assert cli.main(["photo.png", "wave.png", "--size=48", "--steps=60", "--preserve-progress=kept"]) == 2
    trouble = "cannot write a picture to kept/step_00025.jpg (No space left on device)"
    assert capsys.readouterr().err.splitlines()[-1] == f"styletools: {trouble}; the picture is in out.png."
    assert st.read_jobs("out.png") == [st.Job("photo.png", "wave.png", 48, 60)]


# --- what must not be written over ---------------------------------------------------------------------------------------

SPELLINGS = {
    "itself": lambda name: name,
    "another spelling": lambda name: f"../{Path.cwd().name}/{name}",
    "absolute": lambda name: str(Path(name).resolve()),
    "symbolic link": lambda name: os.symlink(name, "link.png") or "link.png",
    "hard link": lambda name: os.link(name, "hard.png") or "hard.png",
    "link to the folder": lambda name: os.symlink(".", "here") or f"here/{name}",
}


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
@pytest.mark.parametrize("name", ["photo.png", "wave.png"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_output_must_not_be_painted_from(pictures, capsys, monkeypatch, spelling, name, overwrite):
    monkeypatch.setattr(st.Job, "load_network", lambda _: pytest.fail("too late"))
    before, out = Path(name).read_bytes(), SPELLINGS[spelling](name)
    assert cli.main(["photo.png", "wave.png", "-o", out, *overwrite]) == 2
    told = capsys.readouterr().err
    assert told == f"styletools: cannot write {out}: that is {name}, which is painted from; name another file.\n"
    assert Path(name).read_bytes() == before


def test_a_sample_is_not_written_over_either(pictures, capsys, monkeypatch):
    place = st.images.samples_folder() / "chelsea.jpg"
    assert cli.main(["chelsea", "wave.png", "-o", str(place), "--overwrite"]) == 2
    assert "which is painted from" in capsys.readouterr().err


def test_a_picture_of_the_way_must_not_be_painted_from(pictures, capsys):
    os.mkdir("kept")
    os.rename("photo.png", "kept/step_00025.jpg")
    assert cli.main(["kept/step_00025.jpg", "wave.png", "--preserve-progress=kept"]) == 2
    expected = "cannot keep pictures in kept: step_00025.jpg is painted from; name another folder."
    assert capsys.readouterr().err == f"styletools: {expected}\n"


@pytest.mark.parametrize("kind", ["photograph", "text", "half a picture"])
def test_a_file_that_styletools_did_not_paint_is_only_replaced_when_asked(pictures, capsys, kind):
    Image.new("RGB", (9, 9)).save("out.png")
    if kind != "photograph":
        Path("out.png").write_bytes(b"diary" if kind == "text" else Path("photo.png").read_bytes()[:900])
    before = Path("out.png").read_bytes()
    assert cli.main(["photo.png", "wave.png", "--size=48", "--steps=1"]) == 2
    expected = "out.png exists, and styletools did not paint it; name another file or add --overwrite."
    assert capsys.readouterr().err == f"styletools: {expected}\n"
    assert Path("out.png").read_bytes() == before
    assert cli.main(["photo.png", "wave.png", "--size=48", "--steps=1", "--overwrite"]) == 0
    assert cli.main(["photo.png", "wave.png", "--size=48", "--steps=2"]) == 0, "what it painted it may paint again"
    assert st.read_jobs("out.png")[0].steps == 2


# --- in a notebook -----------------------------------------------------------------------------------------------------


def test_an_interrupted_kernel_has_the_picture_so_far():
    """Interrupt Kernel, pressed while `stylize` paints in a real kernel."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    try:
        client.execute_interactive("import styletools as st", timeout=120)
        code = 'st.stylize("chelsea", "great_wave", 256, on_step=lambda *_: print("step", flush=True))'
        client.execute(code, stop_on_error=False)  # else a kernel may abort the next request too, when it comes at once
        while True:
            message = client.get_iopub_msg(timeout=120)
            if message["msg_type"] == "stream" and message["content"]["text"].count("step"):
                break
        manager.interrupt_kernel()
        reply = client.get_shell_msg(timeout=120)
        assert (reply["content"]["status"], reply["content"]["ename"]) == ("error", "KeyboardInterrupt")
        assert reply["content"]["evalue"] == "the picture so far is sys.last_value.picture"
        answer = client.execute_interactive(
            "import sys; size = sys.last_value.picture.size", user_expressions={"size": "size"}, timeout=120
        )
        assert answer["content"]["user_expressions"]["size"]["data"]["text/plain"] in ("(64, 43)", "(128, 85)", "(256, 170)")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
