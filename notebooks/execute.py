"""Execute notebooks top to bottom in fresh kernels and store their outputs: python notebooks/execute.py [FILE ...]"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent


def execute(path: Path) -> None:
    """Run one notebook and write it back with outputs, without what differs from machine to machine."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=600, record_timing=False, resources=resources).execute()
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for file in map(Path, sys.argv[1:] or sorted([*HERE.glob("*.ipynb"), *HERE.glob("solutions/*.ipynb")])):
        print(file.name, flush=True)
        execute(file)
