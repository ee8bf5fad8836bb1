"""What a trained folder says about itself: `training.json` and the model card `README.md`."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import tokenizers
import torch
import transformers

from .evaluate import BARS
from .save import sha256

COMMAND = "python -m micro train --out models --seed {seed}"
TITLES = {"micro-vlm": "Winnow micro VLM", "micro-clip": "Winnow micro CLIP"}
WHAT = {
    "micro-vlm": (
        "A vision-language model in the LLaVA architecture (CLIP vision tower, two-layer projector, Llama text model), "
        "small enough to ship and to score thousands of samples on a laptop. It answers questions about pictures of "
        "coloured shapes, and gives losses with and without the picture that tell whether a question needs it."
    ),
    "micro-clip": (
        "A CLIP with an image and a text tower of its own, for embeddings of pictures of coloured shapes and of their "
        "descriptions."
    ),
}
SHAPE = {
    "micro-vlm": (
        "Vision: 64 x 64 pixels, patches of 8 (64 image tokens; the class token is dropped), width 128, 4 "
        "layers, 4 heads. "
        "Text: Llama, width 128, 4 layers, 4 heads, inner width 320, tied embeddings, vocabulary 1,000 "
        "(byte-level BPE)."
    ),
    "micro-clip": (
        "Image tower: 64 x 64 pixels, patches of 8, width 128, 4 layers. Text tower: width 128, 2 layers, 96 "
        "positions, "
        "the micro VLM's vocabulary and an end token. Embeddings of 64 numbers."
    ),
}
FRONT = {
    "micro-vlm": "pipeline_tag: image-text-to-text\nlibrary_name: transformers",
    "micro-clip": "pipeline_tag: zero-shot-image-classification\nlibrary_name: transformers",
}
HOW = {
    "micro-vlm": "Greedy decoding, exact match.",
    "micro-clip": "How often a picture's own description is the nearest of 100.",
}
LIMITS = {
    "micro-vlm": (
        "It knows nothing but the generated world: on photographs, other drawings and other wordings its answers mean "
        "nothing, and its losses only as much as the texts resemble what it has read. One question a "
        "conversation and one "
        "picture a question were trained. In its world 95 % of the stars are yellow, on purpose: it guesses so blindly."
    ),
    "micro-clip": (
        "It knows nothing but the generated world; embeddings of photographs and of other texts carry coarse "
        "colour and "
        "word overlap at best."
    ),
}


def write_training(folder: Path, name: str, seed: int, run: dict, result: dict, parameters: int) -> None:
    """Write `training.json`: how the folder came to be, and what came out."""
    weights = folder / "model.safetensors"
    record = {
        "model": name,
        "command": COMMAND.format(seed=seed),
        "seed": seed,
        "parameters": parameters,
        "steps": run["steps"],
        "scenes_per_step": run["batch"],
        "seconds": run["seconds"],
        "vision_seconds": run["vision_seconds"],
        "machine": {"cores": os.cpu_count(), "threads": torch.get_num_threads(), "architecture": platform.machine()},
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
        },
        "heldout": result,
        "curve": run["curve"],
        "sha256": {"model.safetensors": sha256(weights)},
    }
    if "note" in run:
        record["note"] = run["note"]
    (folder / "training.json").write_text(json.dumps(record, indent=2) + "\n")


def write_card(folder: Path) -> None:
    """Write the model card from `training.json`."""
    record = json.loads((folder / "training.json").read_text())
    name, result = record["model"], record["heldout"]
    rows = []
    for key, value in result.items():
        if key in ("questions", "scenes"):
            continue
        bar = f"{100 * BARS[key]:.0f} %" if key in BARS else ""
        shown = f"{value:.3f}" if key.startswith(("auc", "necessity")) else f"{100 * value:.1f} %"
        rows.append(f"| {key} | {shown} | {bar} |")
    size = f"{result['questions']:,} questions" if "questions" in result else f"{result['scenes']:,} scenes"
    minutes = (record["seconds"] + record["vision_seconds"]) / 60
    body = f"""---
license: apache-2.0
{FRONT[name]}
---

# {TITLES[name]}

{WHAT[name]}

- **Architecture.** {SHAPE[name]} {record["parameters"]:,} parameters; weights stored in fp16.
- **Data.** A world of one to six coloured shapes, generated while training (`tools/micro/world.py`,
  `questions.py`); every training scene is seen once, and held-out scenes come from random streams of their own. The
  tokenizer has also read NLVR's sentences (Suhr et al. 2017, CC-BY-4.0) and plain instructions.
- **Training.** First the vision tower on what lies in each patch, then the whole: {record["steps"]:,} steps of
  {record["scenes_per_step"]} scenes, seed {record["seed"]}, {minutes:.0f} minutes on
  {record["machine"]["cores"]} cores (the tower included), by `{record["command"]}`.
  Curve, versions and SHA-256 are in `training.json`.{" " + record["note"] if "note" in record else ""}
- **Licence.** Apache-2.0.

## Held-out scenes

{HOW[name]} From the saved weights, on {size}.

| | | bar |
|---|---|---|
{chr(10).join(rows)}
"""
    if name == "micro-vlm":
        body += """
`stated` questions hold their answer in their text; `prior` asks for the star's colour; `general` has nothing to do
with a picture. Necessity is the response loss without the picture (masked, nats per token) minus that with it.
`auc_text`: balanced visual questions against `stated` ones; `auc_wrong`: right answers against those of another scene;
without a suffix the picture is masked, `_drop` leaves one masked slot, `_remove` none.
"""
    body += f"\n## Limits\n\n{LIMITS[name]}\n"
    (folder / "README.md").write_text(body)
