"""What long use leaves behind: python tests/benchmarks/endurance.py

Prints memory, threads and open files before and after ten thousand steps, two hundred presses of start, pause and reset, and
thirty studios opened with a photograph of 24 megapixels.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from endurance import LONG, growth

for name, (work, count) in LONG.items():
    (memory, threads, files), (memory_after, threads_after, files_after) = growth(work, count, count // 3)
    print(
        f"{name}: {memory:.0f} to {memory_after:.0f} MiB, {threads} to {threads_after} threads, {files} to {files_after} files",
        flush=True,
    )
