"""Long use, in one process: what it leaves of memory, threads and open files. In short a test, in long a benchmark."""

import gc
import os
import threading
import time

import numpy as np
import psutil
from PIL import Image

import styletools as st


def state():
    """Memory in MiB, threads of Python, open files."""
    gc.collect()
    process = psutil.Process(os.getpid())
    return process.memory_info().rss / 2**20, threading.active_count(), process.num_fds()


def steps(count):
    """Paint many steps of one small picture."""
    transfer = st.StyleTransfer("chelsea", "great_wave", size=48, steps=count)
    for _ in transfer:
        pass


def cycles(count):
    """Press start, pause and reset of one studio, many times."""
    studio = st.Studio("chelsea", "great_wave", size=48)
    for number in range(count):
        studio.start()
        time.sleep(0.05)
        studio.beta = 1 + number % 7
        studio.pause()
        studio.reset()
    studio.pause()
    assert studio.wait(60)
    studio.close()


def cells(count, megapixels=24):
    """Run a cell again and again that opens a studio with a large photograph, as IPython would: each drops the one before."""
    side = int((megapixels * 1e6) ** 0.5)
    photograph = Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8))
    studio = None
    for _ in range(count):
        studio = st.Studio(photograph.copy(), "great_wave", size=48)
        studio.run(2)
    studio.close()


LONG = {"10,000 steps": (steps, 10_000), "200 start, pause, reset": (cycles, 200), "30 studios of 24 megapixels": (cells, 30)}
SHORT = {"300 steps": (steps, 300), "12 start, pause, reset": (cycles, 12), "4 studios": (cells, 4)}


def growth(work, count, warm):
    """What a piece of work leaves behind, after a shorter run of the same has filled caches."""
    work(warm)
    before = state()
    work(count)
    return before, state()
