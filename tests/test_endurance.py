"""Long use leaves nothing behind; `benchmarks/endurance.py` does the same for long."""

import pytest
from endurance import SHORT, growth


@pytest.mark.parametrize("name", SHORT)
def test_memory_threads_and_files_stay_flat(name):
    work, count = SHORT[name]
    (memory, threads, files), (memory_after, threads_after, files_after) = growth(work, count, max(2, count // 4))
    assert memory_after < 1.05 * memory + 20, f"{memory:.0f} to {memory_after:.0f} MiB"  # the allocator keeps a few pages
    assert threads_after <= threads
    assert files_after <= files
