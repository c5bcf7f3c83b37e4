"""Hygiene of the stored notebooks, and tests of the checks themselves on notebooks that are bad on purpose."""

import json
from types import SimpleNamespace

import hygiene
import pytest
from helpers import ROOT
from hygiene import EVERYWHERE, IN_LESSONS, Notebook

FOLDER = ROOT / "notebooks"
APPENDICES = sorted(FOLDER.glob("appendix_*.ipynb"))
LESSONS = sorted({*FOLDER.glob("*.ipynb")} - {*APPENDICES})
SOLUTIONS = sorted((FOLDER / "solutions").glob("*.ipynb"))
NAMES = [path.name for path in LESSONS]


def names(paths):
    return [str(path.relative_to(FOLDER)) for path in paths]


# --- the notebooks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", EVERYWHERE, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", LESSONS + APPENDICES + SOLUTIONS, ids=names(LESSONS + APPENDICES + SOLUTIONS))
def test_notebook(path, check):
    assert check(Notebook(path)) == []


@pytest.mark.parametrize("check", IN_LESSONS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", LESSONS, ids=names(LESSONS))
def test_lesson(path, check):
    assert check(Notebook(path)) == []


@pytest.mark.parametrize("path", LESSONS, ids=names(LESSONS))
def test_lesson_leads_to_its_neighbours(path):
    assert hygiene.well_linked(Notebook(path), NAMES) == []


def test_lessons_are_numbered_without_gaps():
    assert hygiene.well_numbered(NAMES) == []


def test_every_lesson_has_its_solutions_and_every_solution_its_lesson():
    assert {path.name for path in SOLUTIONS} == set(NAMES)


@pytest.mark.parametrize("path", SOLUTIONS, ids=names(SOLUTIONS))
def test_solutions_lead_back(path):
    notebook = Notebook(path)
    assert f"(../{path.name})" in notebook.prose
    assert path.name[:2] in hygiene.source(notebook.cells[0]).splitlines()[0]
    assert notebook.code


def test_the_readme_lists_every_lesson_and_appendix():
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    assert [name for name in [*NAMES, *(path.name for path in APPENDICES)] if f"(notebooks/{name})" not in readme] == []
    assert "lessons" in hygiene.anchors(readme)


# --- the checks --------------------------------------------------------------------------------------------------------

TEXT = """# 01 · Look at a picture

![A castle beside a wave](../img/strips/01.jpg)

**You will learn to**

- look

**You need** nothing.

**Predict.** One?

**Predict.** Two?

**Predict.** Three?

## Exercises

**1. Tweak.** One. <details><summary>Hint</summary>Yes</details> [Solution](solutions/01_look.ipynb)

**2. Write.** Two. <details><summary>Hint</summary>Yes</details> [Solution](solutions/01_look.ipynb)

**3. Open.** Three. <details><summary>Hint</summary>Yes</details> [Solution](solutions/01_look.ipynb)

## What you learned

Looking, with `st.sample`.

## Check yourself

<details><summary>What?</summary>That.</details>

## Read on

[A paper](https://example.org/paper).

[Contents](../README.md#lessons) · [Next: 02 Go on](02_go_on.ipynb)
"""


def markdown(text, number=0):
    return {"cell_type": "markdown", "id": f"text{number}", "metadata": {}, "source": text.splitlines(keepends=True)}


def code(text, count, *outputs):
    cell = {"cell_type": "code", "id": f"code{count}", "metadata": {}, "execution_count": count, "outputs": list(outputs)}
    return {**cell, "source": text.splitlines(keepends=True)}


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": [text]}


@pytest.fixture
def series(tmp_path):
    """A project with the lessons 01 and 02; `write(cells, metadata)` replaces lesson 01 and returns it."""
    for folder in ("notebooks/solutions", "img/strips"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "README.md").write_text("# Series\n\n## Lessons\n")
    (tmp_path / "img/strips/01.jpg").write_bytes(b"")
    for name in ("notebooks/02_go_on.ipynb", "notebooks/solutions/01_look.ipynb"):
        (tmp_path / name).write_text("{}")

    def write(cells, metadata=None):
        path = tmp_path / "notebooks" / "01_look.ipynb"
        path.write_text(json.dumps({"cells": cells, "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5}))
        return Notebook(path)

    return SimpleNamespace(write=write, folder=tmp_path)


def good_cells():
    code_cells = [
        code("import styletools as st\n%matplotlib inline", 1),
        code("st.sample('chelsea')\nprint(1)", 2, stream("1\n")),
    ]
    return [markdown(TEXT), *code_cells, markdown(TEXT.splitlines()[-1], 1)]


@pytest.mark.parametrize("check", EVERYWHERE + IN_LESSONS, ids=lambda check: check.__name__)
def test_a_good_notebook_has_no_faults(series, check):
    assert check(series.write(good_cells())) == []


def with_text(old, new):
    assert old in TEXT
    return lambda: [markdown(TEXT.replace(old, new)), *good_cells()[1:]]


def with_code(text, *outputs):
    return lambda: [*good_cells()[:3], code(text, 3, *outputs), *good_cells()[3:]]


BAD = [
    (hygiene.formulas_render, with_text("Looking", r"$$\\alpha$$"), "doubled backslash"),
    (hygiene.executed_from_top_to_bottom, lambda: [*good_cells(), code("x = 1", 4)], "1, 2, 4"),
    (hygiene.executed_from_top_to_bottom, lambda: [*good_cells(), code("x = 1", None)], "None"),
    (hygiene.no_errors, with_code("1 / 0", {"output_type": "error", "ename": "ZeroDivisionError"}), "ZeroDivisionError"),
    (hygiene.nothing_on_stderr, with_code("x = 1", stream("UserWarning", "stderr")), "UserWarning"),
    (hygiene.no_machine_paths, with_code("open('/home/me/cat.jpg')"), "/home/"),
    (hygiene.no_machine_paths, with_code("x", stream("read /tmp/cat.jpg\n")), "/tmp/"),
    (hygiene.no_machine_paths, with_code("x", {"output_type": "execute_result", "data": {"text/html": "/root/x"}}), "/root/"),
    (hygiene.no_machine_paths, with_text("Looking", "In C:\\\\Users\\\\me"), "C:"),
    (hygiene.small_enough, with_code("x = 1", stream("x" * 2_200_000)), "2.10 MB"),
    (hygiene.unique_ids, lambda: good_cells() + good_cells(), "not unique"),
    (hygiene.unique_ids, lambda: [*good_cells(), {**markdown("x"), "id": None}], "missing"),
    (hygiene.pictures_have_words, with_text("A castle beside a wave", ""), "01.jpg has no alt text"),
    (hygiene.pictures_have_words, with_text("Looking", "![x](../img/strips/01.jpg)"), "no alt text"),
    (hygiene.pictures_have_words, with_text("Looking", '<img src="../img/strips/01.jpg">'), "no alt text"),
    (hygiene.links_lead_somewhere, with_text("strips/01.jpg", "strips/99.jpg"), "there is no ../img/strips/99.jpg"),
    (hygiene.links_lead_somewhere, with_text("02_go_on", "03_go_on"), "there is no 03_go_on.ipynb"),
    (hygiene.links_lead_somewhere, with_text("#lessons", "#chapters"), "no section #chapters"),
    (hygiene.links_lead_somewhere, with_text("Looking", "[Back](#Looking-back)"), "no section #Looking-back"),
    (hygiene.links_lead_somewhere, with_text("Looking", '<a href="nowhere.md">x</a>'), "there is no nowhere.md"),
    (hygiene.folds_are_closed, with_text("That.</details>", "That."), "4 <details>, 4 <summary>, 3 </details>"),
    (hygiene.short_cells, with_code("x = 1\n" * 26), "code cell 3 has 26 lines"),
    (hygiene.stable_code, with_code("%%capture\nx = 1"), "%%capture"),
    (hygiene.stable_code, with_code("plt.plot(x);"), ";"),
    (hygiene.stable_code, with_code("for x in tqdm(xs):\n    pass"), "tqdm"),
    (hygiene.names_exist, with_code("st.sampel('chelsea')"), "styletools has no sampel"),
    (hygiene.names_exist, with_code("f = lambda: st.scales(3)"), "styletools has no scales"),
    (hygiene.names_exist, with_text("`st.sample`", "`y = st.simple(x)`"), "styletools has no simple"),
    (hygiene.names_exist, with_code("st.Studio.from_setting('a.png')"), "styletools has no Studio.from_setting"),
    (hygiene.names_exist, with_text("`st.sample`", "`st.Job.from_text`"), "styletools has no Job.from_text"),
    (hygiene.fixed_parts_in_order, with_text("**You will learn to**", "Goals:"), "You will learn"),
    (hygiene.fixed_parts_in_order, with_text("## Check yourself", "## Questions"), "Check yourself"),
    (hygiene.fixed_parts_in_order, with_text("## Read on", "## What you learned"), "Read on"),
    (hygiene.fixed_parts_in_order, with_text("# 01 · Look", "# 02 · Look"), "number"),
    (hygiene.three_predictions, with_text("**Predict.** Two?", "Predict two?"), "2 predictions"),
    (hygiene.strip_on_top, with_text("![A castle beside a wave](../img/strips/01.jpg)", ""), "shows []"),
    (hygiene.exercises_have_hints_and_solutions, with_text("[Solution](solutions/01_look.ipynb)", "Try."), "no link"),
    (hygiene.exercises_have_hints_and_solutions, with_text("Three. <details><summary>Hint", "<details>"), "3 has no hint"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "cells", "message"), BAD, ids=[f"{i}_{check.__name__}" for i, (check, _, _) in enumerate(BAD)]
)
def test_a_bad_notebook_is_found_out(series, check, cells, message):
    faults = check(series.write(cells()))
    assert any(message in fault for fault in faults), faults


def test_links_lead_to_sections_of_the_same_notebook(series):
    cells = with_text("## Read on", "[Look](#L-BFGS-stops)\n\n## L-BFGS stops\n\n## Read on")
    assert hygiene.links_lead_somewhere(series.write(cells())) == []


def test_names_of_objects_are_names_too(series):
    names = "st.LAYERS.items()\nst.Studio.from_settings\nst.Step.total\nst.Job.settings\nst.VGG.device\nst.images.MEAN"
    assert hygiene.names_exist(series.write(with_code(names)())) == []


def test_stored_widget_state_is_found_out(series):
    assert hygiene.no_widget_state(series.write(good_cells(), {"widgets": {"state": {}}}))


def test_every_check_has_a_bad_notebook():
    assert {check for check, _, _ in BAD} | {hygiene.no_widget_state} == {*EVERYWHERE, *IN_LESSONS}


def test_pictures_in_outputs_are_not_read_as_paths(series):
    picture = {"output_type": "display_data", "data": {"image/jpeg": "+/tmp/AAAA", "text/plain": ["<Figure size 900x300>"]}}
    assert hygiene.no_machine_paths(series.write(with_code("x = 1", picture)())) == []


@pytest.mark.parametrize(
    ("names", "message"),
    [(["01_a.ipynb", "03_b.ipynb"], "numbered"), (["01_a.ipynb", "01_b.ipynb"], "numbered"), (["1_a.ipynb"], "not named"),
     (["01-a.ipynb"], "not named"), (["01_A.ipynb"], "not named")],
)  # fmt: skip
def test_bad_names_are_found_out(names, message):
    assert any(message in fault for fault in hygiene.well_numbered(names))


def test_good_names_are_good():
    assert hygiene.well_numbered([]) == []
    assert hygiene.well_numbered(["02_go_on.ipynb", "01_look.ipynb"]) == []


@pytest.mark.parametrize(
    ("line", "names", "message"),
    [
        ("[Next: 02 Go on](02_go_on.ipynb)", ["01_look.ipynb", "02_go_on.ipynb"], None),
        ("[Contents](x)", ["01_look.ipynb", "02_go_on.ipynb"], "no link [Next: 02"),
        ("[Next: 03 Go on](02_go_on.ipynb)", ["01_look.ipynb", "02_go_on.ipynb"], "should lead to 02_go_on"),
        ("[Next: 02 Go on](03_end.ipynb)", ["01_look.ipynb", "02_go_on.ipynb", "03_end.ipynb"], "should lead to 02_go_on"),
        ("[Next: 02 Go on](02_go_on.ipynb)", ["01_look.ipynb"], "which is not there"),
        ("[Contents](x)", ["00_start.ipynb", "01_look.ipynb"], "no link [Previous: 00"),
        ("[Previous: 00 Start](00_start.ipynb)", ["00_start.ipynb", "01_look.ipynb"], None),
    ],
)
def test_wrong_neighbours_are_found_out(series, line, names, message):
    faults = hygiene.well_linked(series.write([*good_cells(), markdown(line, 2)]), names)
    assert faults == [] if message is None else any(message in fault for fault in faults), faults
