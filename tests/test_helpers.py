"""`run_python`, on which others rely: what it runs is alone, and what comes of it is told."""

import re
import sys

from helpers import run_python


def run(program, *arguments, **options):
    result = run_python("-c", program, *arguments, **options)
    return result.returncode, result.stdout, result.stderr


def test_status_and_words_come_back():
    assert run("print(1); import sys; print(2, file=sys.stderr)") == (0, "1\n", "2\n")
    assert run("import sys; sys.exit(3)") == (3, "", "")
    assert run("import sys; sys.exit('no')") == (1, "", "no\n")
    assert run("import os, signal; os.kill(os.getpid(), signal.SIGTERM)")[0] == -15
    status, out, err = run("print('so far', end=''); 1 / 0")
    assert (status, out) == (1, "so far")
    assert err.startswith("Traceback")
    assert err.endswith("ZeroDivisionError: division by zero\n")


def test_warnings_are_errors_and_torch_has_one_thread():
    assert run("import warnings; warnings.warn('x')")[0] == 1
    assert run("import torch; print(torch.get_num_threads())") == (0, "1\n", "")


def test_arguments_folder_path_and_environment(tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "mine.py").write_text("import sys; print(__name__, sys.argv[1:])")
    program = "import os, sys, mine; print(sys.argv[1:], os.getcwd(), os.environ['ONE'], os.environ['TWO'], __name__)"
    monkeypatch.setenv("ONE", "1")
    monkeypatch.setenv("TWO", "of the test run")
    found = run(program, "a", 2, cwd=tmp_path, path=tmp_path / "site", TWO="2")
    assert found == (0, f"mine ['a', '2']\n['a', '2'] {tmp_path} 1 2 __main__\n", "")
    monkeypatch.delenv("ONE")
    assert run("import os; print('ONE' in os.environ, 'HOME' in os.environ)") == (0, "False True\n", "")
    monkeypatch.delenv("HOME")
    assert run("import os; print('HOME' in os.environ)") == (0, "False\n", "")
    result = run_python("-m", "mine", "b", path=tmp_path / "site")
    assert (result.returncode, result.stdout, result.stderr) == (0, "__main__ ['b']\n", "")


def test_programs_know_nothing_of_each_other(tmp_path):
    """Nor of this one."""
    program = (
        "print({*vars()} - {'what'}); import os, sys; print('styletools' in sys.modules, os.environ['ONE'], len(sys.modules))"
    )
    first = run(program, ONE="1")
    assert run("import styletools, os; os.environ['ONE'] = '2'; sys = 5") == (0, "", "")
    assert run(program, ONE="1") == first
    assert "\nFalse 1 " in first[1]
    assert all(name.startswith("__") for name in re.findall(r"'(\w+)'", first[1])), "names that no program has"
    assert "pytest" in sys.modules
    assert run("import sys; print('pytest' in sys.modules)") == (0, "False\n", "")


def test_a_program_ends_as_python_ends():
    """With what is registered for the end, after its threads, and with an empty input."""
    program = """
import atexit, sys, threading, time
atexit.register(print, "end")
threading.Thread(target=lambda: time.sleep(0.1) or print("thread")).start()
print(repr(sys.stdin.read()))
"""
    assert run(program) == (0, "''\nthread\nend\n", "")
