"""Training rows: many questions about one scene in one sequence, each as if it were asked alone.

A row is the image prefix (`<s>USER: ` and 64 image tokens), then blocks (`\\n{question} ASSISTANT: {answer}</s>`).
A block attends to the prefix and to itself, and its positions go on where the prefix ends, so every block sees exactly
the single-question conversation while the image is paid for once. A blind block sees no image:

    mode       what it sees of the image                           first position of its text
    see        64 tokens                                           68
    masked     nothing; the positions stay (VisNec's paper)        68
    drop       nothing; one masked slot (VisNec's code)            5
    remove     nothing; no slot either                             4
    text       `USER: {question}`, a conversation without image    3
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .model import IMAGE_TOKENS
from .questions import BALANCED_KINDS, MARGIN, QA, distracted, questions, stated
from .text import general
from .tokenizer import Encoder
from .world import PATCH, WORLD, Scene, cell_labels, make_scene, render, scene_rng

PREFIX = 4 + IMAGE_TOKENS
STARTS = {"see": PREFIX, "masked": PREFIX, "drop": 5, "remove": 4, "text": 3}
VISIBLE = {"see": PREFIX, "masked": 4, "drop": 4, "remove": 4, "text": 3}
BLIND_MODES = ("masked", "drop", "remove", "text")
BLIND_WEIGHTS = (0.55, 0.15, 0.15, 0.15)
ROW_TEXT = 192
# From which step on how often each kind is asked: first what grounds words in the picture, then more of what needs
# several objects, and in the end mostly where things are, which is learned last.
PHASES = (
    (0, {"attribute": 0.21, "existence": 0.16, "counting": 0.12, "relation": 0.1, "position": 0.16, "occlusion": 0.08,
         "prior": 0.02, "description": 0.12, "general": 0.03}),
    (800, {"attribute": 0.11, "existence": 0.12, "counting": 0.2, "relation": 0.24, "position": 0.12, "occlusion": 0.12,
           "prior": 0.02, "description": 0.04, "general": 0.03}),
    (2500, {"attribute": 0.08, "existence": 0.08, "counting": 0.19, "relation": 0.29, "position": 0.17,
            "occlusion": 0.13, "prior": 0.01, "description": 0.02, "general": 0.03}),
    (5000, {"attribute": 0.08, "existence": 0.07, "counting": 0.13, "relation": 0.28, "position": 0.24,
            "occlusion": 0.13, "prior": 0.01, "description": 0.03, "general": 0.03}),
    (11000, {"attribute": 0.06, "existence": 0.06, "counting": 0.12, "relation": 0.29, "position": 0.16,
             "occlusion": 0.15, "prior": 0.01, "description": 0.02, "general": 0.03, "side": 0.1}),
    (20000, {"attribute": 0.05, "existence": 0.05, "counting": 0.1, "relation": 0.3, "position": 0.08,
             "occlusion": 0.12, "prior": 0.01, "description": 0.02, "general": 0.02, "side": 0.03, "column": 0.06,
             "pair": 0.16}),
)  # fmt: skip


@dataclass
class Block:
    """One question: token ids, where its answer starts, and what it sees."""

    ids: list[int]
    answer_at: int
    mode: str


def make_block(encode: Encoder, qa: QA, mode: str, eos: int) -> Block:
    """Encode a question and its answer as the chat template would lay them out."""
    lead = f" {qa.question} ASSISTANT:" if mode == "text" else f"\n{qa.question} ASSISTANT:"
    asked = encode(lead)
    return Block([*asked, *encode(f" {qa.answer}"), eos], len(asked), mode)


def side_question(scene: Scene, rng: np.random.Generator) -> QA | None:
    """Which half a plain object lies in, answered in one word: the plainest lesson in columns. Training only."""
    names = [o.name for o in scene.objects]
    clear = [o for o in scene.objects if names.count(o.name) == 1 and o.shape != "star" and abs(o.x - WORLD / 2) >= 4]
    if not clear:
        return None
    o = clear[int(rng.integers(len(clear)))]
    form = ("Is the {} on the left or on the right?", "Is the {} left or right?")[int(rng.integers(2))]
    return QA(form.format(o.name), "left" if o.x < WORLD / 2 else "right", "side")


def column_question(scene: Scene, rng: np.random.Generator) -> QA | None:
    """The column of patches that holds a plain object's centre, 1 to 8. Training only."""
    names = [o.name for o in scene.objects]
    clear = [o for o in scene.objects if names.count(o.name) == 1 and o.shape != "star"]
    if not clear:
        return None
    o = clear[int(rng.integers(len(clear)))]
    return QA(f"What is the number of the {o.name} from left to right?", str(1 + int(o.x // PATCH)), "column")


def pair_question(scene: Scene, rng: np.random.Generator) -> QA | None:
    """How one plain object lies to another, in one word; mostly across columns, which are harder. Training only."""
    names = [o.name for o in scene.objects]
    clear = [o for o in scene.objects if names.count(o.name) == 1 and o.shape != "star"]
    across = rng.random() < 0.75
    gaps = [(a, b, a.x - b.x if across else a.y - b.y) for a in clear for b in clear]
    gaps = [(a, b, gap) for a, b, gap in gaps if abs(gap) >= MARGIN]
    if not gaps:
        return None
    a, b, gap = gaps[int(rng.integers(len(gaps)))]
    words = ("left", "right") if across else ("above", "below")
    link = "left or right of" if across else "above or below"
    return QA(f"Is the {a.name} {link} the {b.name}?", words[int(gap > 0)], "pair")


TRAINING_ONLY = {"side": side_question, "column": column_question, "pair": pair_question}


def sample_question(scene: Scene, rng: np.random.Generator, weights: dict[str, float]) -> tuple[QA, str] | None:
    """A question in the training mixture, and the mode it is shown in; None where the scene did not offer it."""
    kind = str(rng.choice(list(weights), p=list(weights.values())))
    if kind == "general":
        qa: QA | None = general(rng)
    elif kind in TRAINING_ONLY:
        qa = TRAINING_ONLY[kind](scene, rng)
    else:
        found = questions(scene, kind, rng)
        qa = found[0] if found else None
        draw = rng.random()
        if qa and qa.fact and draw < 0.18:
            qa = stated(qa, rng) or qa
        elif qa and draw < 0.26:
            other = questions(scene, str(rng.choice(BALANCED_KINDS)), rng)
            qa = (distracted(qa, other[0]) if other else None) or qa
    if qa is None:
        return None
    blind = rng.random() < (0.5 if qa.text_answerable else 0.22)
    return qa, str(rng.choice(BLIND_MODES, p=BLIND_WEIGHTS)) if blind else "see"


def training_blocks(
    encode: Encoder, scene: Scene, rng: np.random.Generator, eos: int, weights: dict[str, float]
) -> list[Block]:
    """Fill one row with questions about a scene."""
    blocks, used = [], 0
    for _ in range(60):
        drawn = sample_question(scene, rng, weights)
        if drawn is None:
            continue
        block = make_block(encode, *drawn, eos)
        if used + len(block.ids) <= ROW_TEXT:
            blocks.append(block)
            used += len(block.ids)
        if used > ROW_TEXT - 12:
            break
    return blocks


def pack(rows: list[list[Block]], prefix: list[int], pad: int) -> dict[str, torch.Tensor]:
    """Tensors of a batch of rows.

    `input_ids`, `position_ids` (batch, length); `mask` (batch, 1, length, length), true where attention is allowed;
    `where` (answers, 2), row and column of the token *before* each answer token; `targets`, `block` (answers,): the
    token to predict and the running number of its block.
    """
    length = PREFIX + max(sum(len(b.ids) for b in blocks) for blocks in rows)
    ids = np.full((len(rows), length), pad, dtype=np.int64)
    positions = np.zeros((len(rows), length), dtype=np.int64)
    mask = np.zeros((len(rows), 1, length, length), dtype=bool)
    mask[:, 0, np.arange(length), np.arange(length)] = True
    mask[:, 0, :PREFIX, :PREFIX] = np.tri(PREFIX, dtype=bool)
    ids[:, :PREFIX] = prefix
    positions[:, :PREFIX] = np.arange(PREFIX)
    where, targets, owner = [], [], []
    number = 0
    for r, blocks in enumerate(rows):
        at = PREFIX
        for block in blocks:
            n = len(block.ids)
            ids[r, at : at + n] = block.ids
            positions[r, at : at + n] = STARTS[block.mode] + np.arange(n)
            mask[r, 0, at : at + n, at : at + n] = np.tri(n, dtype=bool)
            mask[r, 0, at : at + n, : VISIBLE[block.mode]] = True
            for i in range(block.answer_at, n):
                where.append((r, at + i - 1))
                targets.append(block.ids[i])
                owner.append(number)
            at += n
            number += 1
    return {
        "input_ids": torch.from_numpy(ids),
        "position_ids": torch.from_numpy(positions),
        "mask": torch.from_numpy(mask),
        "where": torch.tensor(where),
        "targets": torch.tensor(targets),
        "block": torch.tensor(owner),
    }


class TrainingBatches(torch.utils.data.Dataset):
    """Batch number `step` of training: scenes never seen before, their pictures, cell labels and packed rows."""

    def __init__(self, tokenizer, seed: int, steps: int, batch: int) -> None:
        self.tokenizer, self.seed, self.steps, self.batch = tokenizer, seed, steps, batch
        self.prefix = prefix_ids(tokenizer)
        self.encode: Encoder | None = None

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        self.encode = self.encode or Encoder(self.tokenizer)
        weights = [mixture for first, mixture in PHASES if step >= first][-1]
        scenes, rows = [], []
        for i in range(self.batch):
            rng = scene_rng(self.seed, "train", step * self.batch + i)
            scenes.append(make_scene(rng))
            rows.append(training_blocks(self.encode, scenes[-1], rng, self.tokenizer.eos_token_id, weights))
        packed = pack(rows, self.prefix, self.tokenizer.pad_token_id)
        packed["images"] = torch.from_numpy(np.stack([render(s) for s in scenes]))
        packed["cells"] = torch.from_numpy(np.stack([cell_labels(s) for s in scenes]))
        return packed


def prefix_ids(tokenizer) -> list[int]:
    """`<s>USER: ` and the image tokens."""
    image = tokenizer.convert_tokens_to_ids("<image>")
    ids = tokenizer("USER: ")["input_ids"] + [image] * IMAGE_TOKENS
    assert len(ids) == PREFIX, "the prefix is four tokens and the image"
    return ids
