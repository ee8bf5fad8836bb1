"""The fixed held-out examination: scenes of a split of their own, the same questions every time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .forward import auc, measure, packed_logits
from .questions import KINDS, QA, questions, stated
from .rows import make_block, pack, prefix_ids
from .text import general
from .tokenizer import Encoder
from .world import Scene, make_scene, render, scene_rng


@dataclass(frozen=True)
class Exam:
    """One question of the examination; `wrong` is the answer that fits another scene (None where none was found)."""

    scene: int
    group: str
    qa: QA
    wrong: str | None


def examination(seed: int, scenes: int) -> tuple[list[Scene], list[Exam]]:
    """Held-out scenes with up to two questions of each kind, two that their text answers, and a plain instruction."""
    drawn, exams = [], []
    pools: dict[tuple[str, str], list[str]] = {}
    for index in range(scenes):
        rng = scene_rng(seed, "heldout", index)
        scene = make_scene(rng)
        drawn.append(scene)
        asked = [
            qa for kind in KINDS for _ in range(2 if kind != "description" else 1) for qa in questions(scene, kind, rng)
        ]
        told = [t for qa in asked[:: max(1, len(asked) // 3)] if (t := stated(qa, rng))][:2]
        for qa in asked:
            other = [a for a in pools.get(_sort(qa), []) if a != qa.answer]
            exams.append(Exam(index, qa.kind, qa, str(rng.choice(other)) if other else None))
        for qa in asked:
            pools.setdefault(_sort(qa), []).append(qa.answer)
        exams += [Exam(index, "stated", qa, None) for qa in told]
        exams.append(Exam(index, "general", general(rng), None))
    return drawn, exams


def _sort(qa: QA) -> tuple[str, str]:
    """Answers are exchanged among questions of one kind and one sort of answer."""
    first = qa.answer.split()[0]
    sort = "yes/no" if first in ("yes", "no") else "size" if first in ("small", "large") else ""
    if not sort:
        sort = "number" if first.isdigit() else "corner" if first in ("top", "bottom") else str(len(qa.answer.split()))
    return qa.kind, sort


@torch.no_grad()
def answer_packed(model, tokenizer, scenes: list[Scene], exams: list[Exam], answers: list[str], mode: str):
    """Exactness and mean response loss of each examination's `answers`, in a blind or seeing mode (see rows)."""
    encode, eos, prefix = Encoder(tokenizer), tokenizer.eos_token_id, prefix_ids(tokenizer)
    by_scene: dict[int, list[int]] = {}
    for i, exam in enumerate(exams):
        by_scene.setdefault(exam.scene, []).append(i)
    exact = torch.zeros(len(exams), dtype=torch.bool)
    loss = torch.zeros(len(exams))
    keys = list(by_scene)
    for start in range(0, len(keys), 32):
        chunk = keys[start : start + 32]
        rows = [
            [make_block(encode, QA(exams[i].qa.question, answers[i], ""), mode, eos) for i in by_scene[k]]
            for k in chunk
        ]
        batch = pack(rows, prefix, tokenizer.pad_token_id)
        batch["images"] = torch.from_numpy(np.stack([render(scenes[k]) for k in chunk]))
        found, mean = measure(packed_logits(model, batch)[0], batch)
        order = torch.tensor([i for k in chunk for i in by_scene[k]])
        exact[order], loss[order] = found, mean
    return exact, loss


def examine(model, tokenizer, scenes: list[Scene], exams: list[Exam]) -> dict[str, float]:
    """Exact match per kind with the image, and how well necessity (masked-blind minus seeing loss) separates:
    `auc_text` balanced visual questions from those their text answers, `auc_wrong` right answers from answers of
    another scene (balanced visual questions)."""
    training = model.training
    model.eval()
    right = [e.qa.answer for e in exams]
    exact, seen = answer_packed(model, tokenizer, scenes, exams, right, "see")
    _, blind = answer_packed(model, tokenizer, scenes, exams, right, "masked")
    wrong = [e.wrong if e.wrong is not None else e.qa.answer for e in exams]
    _, seen_wrong = answer_packed(model, tokenizer, scenes, exams, wrong, "see")
    _, blind_wrong = answer_packed(model, tokenizer, scenes, exams, wrong, "masked")
    model.train(training)
    result = {}
    for group in dict.fromkeys(e.group for e in exams):
        mine = torch.tensor([e.group == group for e in exams])
        result[group] = round(float(exact[mine].float().mean()), 4)
    need, need_wrong = blind - seen, blind_wrong - seen_wrong
    visual = torch.tensor([e.qa.balanced for e in exams])
    told = torch.tensor([e.group == "stated" for e in exams])
    misled = torch.tensor([e.qa.balanced and e.wrong is not None for e in exams])
    result["auc_text"] = round(auc(need[visual], need[told]), 4)
    result["auc_wrong"] = round(auc(need[visual], need_wrong[misled]), 4)
    return result
