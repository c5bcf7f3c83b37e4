"""Does bfloat16 pay on this machine, and is it exact enough?      python tests/benchmarks/bfloat16.py [--size 256]

Paints the same pair with the convolutions in float32 and in bfloat16 and prints steps a second and, judged by the float32
network, the final losses of both. `styletools.vgg.fast_bfloat16` should say yes where the second column is the faster one.
"""

import argparse
import time

import torch

import styletools as st
from styletools.vgg import fast_bfloat16


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    judge = st.load_vgg(dtype=torch.float32)
    results = {}
    for dtype in (torch.float32, torch.bfloat16):
        vgg = st.load_vgg(dtype=dtype)
        pictures = st.sample("eilean_donan"), st.sample("great_wave")
        transfer = st.StyleTransfer(*pictures, vgg, size=options.size, steps=options.steps)
        start = time.perf_counter()
        list(transfer)
        speed = options.steps / (time.perf_counter() - start)
        targets = transfer.recipe.targets(judge, transfer.content, transfer.style)
        with torch.no_grad():
            terms = transfer.recipe.terms(judge, transfer.tensor, targets)
        results[dtype] = float(transfer.alpha * terms.content + transfer.beta * terms.style + transfer.tv * terms.tv)
        print(f"{dtype!s:16} {speed:6.1f} steps a second, final loss {results[dtype]:.4f}", flush=True)
    difference = results[torch.bfloat16] / results[torch.float32] - 1
    print(f"bfloat16's final loss differs by {difference:+.2%}; chosen automatically here: {fast_bfloat16()}")


if __name__ == "__main__":
    main()
