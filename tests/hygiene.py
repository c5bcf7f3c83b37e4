"""What a stored notebook must not have, and what a lesson must: each check returns sentences that name the faults."""

import ast
import json
import re
from pathlib import Path
from urllib.parse import unquote

import styletools as st

LARGEST_FILE = 2 * 2**20
LONGEST_CELL = 25
PARTS = [  # of a lesson, in this order
    r"^# \d\d · ",
    r"^\*\*You will learn to\*\*",
    r"^\*\*You need\*\*",
    r"^\*\*Predict\.\*\*",
    r"^## Exercises$",
    r"^\*\*1\. ",
    r"^\*\*2\. ",
    r"^\*\*3\. ",
    r"^## What you learned$",
    r"^## Check yourself$",
    r"^## Read on$",
    r"\[Contents\]\(\.\./README\.md#lessons\)",
]
MACHINE_PATH = re.compile(r"(?<![\w.])(?:/(?:work|tmp|root|home|mnt|opt|Users|var)/|[A-Z]:\\\\|file://)")
UNSTABLE = re.compile(r"%%capture|%%time|clear_output|\btqdm\b|;[ \t]*$", re.MULTILINE)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")


class Notebook:
    """A stored notebook and the views of it that the checks need."""

    def __init__(self, path):
        self.path = Path(path)
        self.data = json.loads(self.path.read_text(encoding="utf8"))
        self.cells = self.data["cells"]
        self.code = [cell for cell in self.cells if cell["cell_type"] == "code"]
        self.prose = "\n\n".join(source(cell) for cell in self.cells if cell["cell_type"] == "markdown")
        self.outputs = [output for cell in self.code for output in cell["outputs"]]


def source(cell):
    return "".join(cell["source"])


def python(cell):
    """The cell's code without IPython's magic lines."""
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in source(cell).splitlines())


# --- stored state ------------------------------------------------------------------------------------------------------


def executed_from_top_to_bottom(notebook):
    counts = [cell.get("execution_count") for cell in notebook.code]
    return [] if counts == list(range(1, len(counts) + 1)) else [f"execution counts are {counts}, not 1 to {len(counts)}"]


def no_errors(notebook):
    return [f"a stored error: {output['ename']}" for output in notebook.outputs if output["output_type"] == "error"]


def nothing_on_stderr(notebook):
    return [f"on stderr: {''.join(output['text'])[:80]}" for output in notebook.outputs if output.get("name") == "stderr"]


def no_widget_state(notebook):
    return ["metadata.widgets is stored"] if "widgets" in notebook.data["metadata"] else []


def no_machine_paths(notebook):
    texts = [source(cell) for cell in notebook.cells]
    for output in notebook.outputs:
        texts.append("".join(output.get("text", "")))
        texts += ["".join(value) for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
    texts.append(json.dumps(notebook.data["metadata"]))
    return [f"a path of one machine: {found[0]} in {text[:60]!r}" for text in texts if (found := MACHINE_PATH.search(text))]


def small_enough(notebook):
    size = notebook.path.stat().st_size
    return [f"{size / 2**20:.2f} MB, more than 2"] if size > LARGEST_FILE else []


def unique_ids(notebook):
    ids = [cell.get("id") for cell in notebook.cells]
    return [] if None not in ids and len(set(ids)) == len(ids) else ["cell ids are missing or not unique"]


# --- text and links ----------------------------------------------------------------------------------------------------


def pictures_have_words(notebook):
    faults = [
        f"{target} has no alt text" for mark, alt, target in LINK.findall(notebook.prose) if mark and len(alt.split()) < 3
    ]
    for tag in re.findall(r"<img[^>]*>", notebook.prose):
        alt = re.search(r'alt="([^"]*)"', tag)
        if alt is None or len(alt[1].split()) < 3:
            faults.append(f"{tag} has no alt text")
    return faults


def links_lead_somewhere(notebook):
    targets = [target for _, _, target in LINK.findall(notebook.prose)]
    targets += re.findall(r'(?:src|href)="([^"]+)"', notebook.prose)
    faults = []
    for target in targets:
        if re.match(r"https?://|mailto:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        path = notebook.path.parent / name if name else notebook.path
        if not path.exists():
            faults.append(f"there is no {target}")
        elif anchor and path.suffix == ".md" and anchor not in anchors(path.read_text(encoding="utf8")):
            faults.append(f"{name} has no section #{anchor}")
        elif anchor and not name and f"# {anchor.replace('-', ' ')}" not in headings(notebook):
            faults.append(f"there is no section #{anchor}")
    return faults


def headings(notebook):
    """Its sections as "# Title", without hyphens, because a link has them in the place of spaces."""
    found = re.findall(r"^#+ (.+?) *$", notebook.prose, re.MULTILINE)
    return {f"# {heading.replace('-', ' ')}" for heading in found}


def anchors(markdown):
    """The sections of a Markdown file as GitHub names them."""
    headings = re.findall(r"^#+ (.+?) *$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def folds_are_closed(notebook):
    opened, closed = (len(re.findall(tag, notebook.prose)) for tag in ("<details", "</details>"))
    summaries = len(re.findall("<summary>", notebook.prose))
    return [] if opened == closed == summaries else [f"{opened} <details>, {summaries} <summary>, {closed} </details>"]


# --- code --------------------------------------------------------------------------------------------------------------


def short_cells(notebook):
    lengths = [sum(1 for line in source(cell).splitlines() if line.strip()) for cell in notebook.code]
    return [f"code cell {i} has {n} lines" for i, n in enumerate(lengths, start=1) if n > LONGEST_CELL]


def stable_code(notebook):
    return [
        f"{found[0]!r} in code cell {i}" for i, cell in enumerate(notebook.code, 1) if (found := UNSTABLE.search(source(cell)))
    ]


def names_exist(notebook):
    """Every `st.name` and `st.name.name` in code and in `code` within the text is there."""
    used = set(re.findall(r"`[^`\n]*?\bst\.([A-Za-z_]\w*(?:\.\w+)*)", notebook.prose))
    for cell in notebook.code:
        chains = (ast.unparse(node) for node in ast.walk(ast.parse(python(cell))) if isinstance(node, ast.Attribute))
        used |= {chain.removeprefix("st.") for chain in chains if re.fullmatch(r"st(\.\w+)+", chain)}
    return [f"styletools has no {name}" for name in sorted(used) if not has(st, name)]


def has(thing, name):
    """Whether a.b.c can be taken of a thing; of a class also what only its objects have."""
    first, _, rest = name.partition(".")
    if not hasattr(thing, first):
        return first in getattr(thing, "__annotations__", ())
    return not rest or has(getattr(thing, first), rest)


# --- the form of a lesson ----------------------------------------------------------------------------------------------


def fixed_parts_in_order(notebook):
    faults, position = [], 0
    for part in PARTS:
        found = re.compile(part, re.MULTILINE).search(notebook.prose, position)
        if found:
            position = found.start()
        else:
            faults.append(f"no {part!r}, or not in its place")
    if source(notebook.cells[0])[:4] != f"# {notebook.path.name[:2]}":
        faults.append("the first cell is not the title with the lesson's number")
    return faults


def three_predictions(notebook):
    count = len(re.findall(r"^\*\*Predict\.\*\*", notebook.prose, re.MULTILINE))
    return [] if count >= 3 else [f"{count} predictions, at least 3 are asked for"]


def strip_on_top(notebook):
    expected = f"../img/strips/{notebook.path.name[:2]}.jpg"
    pictures = [target for mark, _, target in LINK.findall(source(notebook.cells[0])) if mark]
    return [] if pictures == [expected] else [f"the first cell shows {pictures}, not {expected}"]


def exercises_have_hints_and_solutions(notebook):
    text = notebook.prose.partition("## Exercises")[2].partition("## What you learned")[0]
    exercises = re.split(r"^\*\*\d\. ", text, flags=re.MULTILINE)[1:]
    faults = [f"exercise {i} has no hint" for i, exercise in enumerate(exercises, 1) if "<summary>Hint" not in exercise]
    return faults if f"(solutions/{notebook.path.name})" in text else [*faults, "the exercises have no link to their solutions"]


def formulas_render(notebook):
    """A backslash that was doubled on the way into the file shows as source on the page."""
    return [f"doubled backslash: {found}" for found in re.findall(r"\\\\[A-Za-z,]\w*", notebook.prose)]


EVERYWHERE = [
    executed_from_top_to_bottom, no_errors, nothing_on_stderr, no_widget_state, no_machine_paths, small_enough, unique_ids,
    pictures_have_words, links_lead_somewhere, folds_are_closed, short_cells, stable_code, names_exist,
    formulas_render,
]  # fmt: skip
IN_LESSONS = [fixed_parts_in_order, three_predictions, strip_on_top, exercises_have_hints_and_solutions]


# --- the series --------------------------------------------------------------------------------------------------------


def well_numbered(names):
    """NN_name.ipynb, numbered from 01 without gaps."""
    faults = [f"{name} is not named NN_name.ipynb" for name in names if not re.fullmatch(r"\d\d_[a-z0-9_]+\.ipynb", name)]
    numbers = sorted(name[:2] for name in names)
    expected = [f"{i:02}" for i in range(1, len(names) + 1)]
    return faults + ([] if numbers == expected else [f"lessons are numbered {numbers}"])


def well_linked(notebook, names):
    """The last line leads to the lesson before and the lesson after, as far as there are any."""
    names = sorted(names)
    place = names.index(notebook.path.name)
    expected = {"Previous": names[place - 1] if place else None, "Next": [*names, None][place + 1]}
    last = source(notebook.cells[-1]).strip().splitlines()[-1]
    faults = []
    for word, name in expected.items():
        found = re.search(rf"\[{word}: (\d\d) [^\]]+\]\(([^)]*)\)", last)
        if name is None and found:
            faults.append(f"the last line leads to {found[2]}, which is not there")
        elif name and not found:
            faults.append(f"the last line has no link [{word}: {name[:2]} ...]({name})")
        elif name and (found[1], found[2]) != (name[:2], name):
            faults.append(f"[{word}: {found[1]} ...]({found[2]}) should lead to {name}")
    return faults
