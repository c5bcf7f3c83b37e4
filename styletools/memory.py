"""How large a picture the memory of this computer allows."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

# Bytes that painting takes for each pixel, measured with `StyleTransfer` at 1024 pixels in float32, a tenth added.
BYTES_PER_PIXEL = {"vgg19-slim": 2200, "vgg19": 4500, "vgg19-torchvision": 4500}
LEFT_FREE = 0.2  # of the free memory: other programs need some, too


def free_memory() -> float:
    """Bytes that are free on this computer, or in the container it runs in; infinity where the system does not say."""
    free = [math.inf]
    with suppress(OSError, ValueError, StopIteration):
        line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable:"))
        free.append(1024 * int(line.split()[1]))
    with suppress(OSError, ValueError):
        limit, used = (int(Path(f"/sys/fs/cgroup/memory.{name}").read_text()) for name in ("max", "current"))
        free.append(limit - used)
    if len(free) == 1:
        with suppress(AttributeError, OSError, ValueError):
            free.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2)  # what else runs is not known
    return max(0.0, min(free))


def largest_side(width: int, height: int, network: str, free: float | None = None) -> int:
    """Pixels of the longer side of the largest picture of this shape that can be painted with so many free bytes.

    free: by default what is free now.
    """
    room = (1 - LEFT_FREE) * (free_memory() if free is None else free)
    if room == math.inf:
        return max(width, height)
    pixels = room / BYTES_PER_PIXEL[network]
    return int(math.sqrt(pixels * max(width, height) / min(width, height)))
