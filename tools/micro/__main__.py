"""The micro models' one entry.

    python -m micro train --out models [--seed 42] [--only vlm|clip] [--work .training]
    python -m micro evaluate models/micro-vlm [--scenes N]

`train` prints the accuracy curve, keeps its state in the work folder every few minutes and goes on from there when it
is started again after a stop. It takes about an hour on two free cores.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import torch

from .cards import write_card, write_training
from .evaluate import evaluate, misses
from .train_clip import train_clip
from .train_vision import train_vision
from .train_vlm import train_vlm


def train(out: Path, work: Path, seed: int, only: str | None) -> int:
    """Train what is asked, evaluate the saved folders and write their cards. Exit status 1 where a bar is missed."""
    work = work / f"seed-{seed}"
    start = time.time()
    vision = train_vision(work, seed)
    clock = work / "vision-seconds.txt"
    if not clock.exists():
        clock.write_text(str(round(time.time() - start)))
    missed: list[str] = []
    for name, step in (("micro-vlm", train_vlm), ("micro-clip", train_clip)):
        if only and name != f"micro-{only}":
            continue
        run = step(work, out / name, vision, seed)
        run["vision_seconds"] = int(clock.read_text())
        missed += finish(out / name, name, seed, run)
    return 1 if missed else 0


def finish(folder: Path, name: str, seed: int, run: dict) -> list[str]:
    """Evaluate a saved folder, write its record and card, and return the bars it misses."""
    result = evaluate(folder, seed)
    write_training(folder, name, seed, run, result, run["parameters"])
    write_card(folder)
    print(f"{name} {json.dumps(result)}", flush=True)
    missed = misses(result)
    for line in missed:
        print(f"{name} misses its bar: {line}", file=sys.stderr)
    return missed


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m micro", description="Train and examine the micro models.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    learn = verbs.add_parser("train", help="train both micro models from scratch")
    learn.add_argument("--out", type=Path, default=Path("models"), help="folder of the model folders")
    learn.add_argument("--work", type=Path, default=Path(".training"), help="folder of the training state")
    learn.add_argument("--seed", type=int, default=42)
    learn.add_argument("--only", choices=("vlm", "clip"), help="one model instead of both")
    learn.add_argument("--threads", type=int, default=2)
    look = verbs.add_parser("evaluate", help="examine a model folder on held-out scenes")
    look.add_argument("folder", type=Path)
    look.add_argument("--seed", type=int, default=42)
    look.add_argument("--scenes", type=int)
    options = parser.parse_args(arguments)
    if options.verb == "evaluate":
        result = evaluate(options.folder, options.seed, options.scenes)
        print(json.dumps(result, indent=2))
        return 1 if misses(result) else 0
    torch.set_num_threads(options.threads)
    return train(options.out, options.work, options.seed, options.only)


if __name__ == "__main__":
    sys.exit(main())
