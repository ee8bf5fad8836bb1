"""What a saved micro model can do on held-out scenes, through plain transformers and its own processor."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoTokenizer, CLIPModel, LlavaForConditionalGeneration, LlavaProcessor

from .forward import auc
from .heldout import Exam, examination
from .model import IMAGE_TOKENS
from .questions import BALANCED_KINDS
from .train_clip import retrieval
from .world import render

BLINDS = ("masked", "drop", "remove")
BARS = {"attribute": 0.95, "existence": 0.95, "counting": 0.85, "relation": 0.85, "retrieval": 0.9}


def load_vlm(folder: Path) -> tuple[LlavaForConditionalGeneration, LlavaProcessor]:
    """Model (fp32) and processor of a folder."""
    model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    return model.eval(), LlavaProcessor.from_pretrained(folder)


def conversation(question: str, answer: str | None = None, image: bool = True) -> list[dict]:
    """A chat of one turn, as chat templates take it."""
    content = [{"type": "image"}] if image else []
    chat = [{"role": "user", "content": [*content, {"type": "text", "text": question}]}]
    if answer is not None:
        chat.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
    return chat


@torch.no_grad()
def response_losses(
    model, processor, images: list[Image.Image], questions: list[str], answers: list[str], mode: str = "see"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Exactness under greedy decoding, and mean nats per response token (answer and `</s>`), one per row.

    `mode`: `see`, or blind as Winnow's `blind` option names it: `masked` (image positions kept, attention masked),
    `drop` (one masked slot), `remove` (no image tokens). Rows are padded on the right.
    """
    tokenizer = processor.tokenizer
    image_id = model.config.image_token_id
    seen, prompts = [], []
    for question, answer in zip(questions, answers, strict=True):
        asked = processor.apply_chat_template(conversation(question), add_generation_prompt=True)
        full = processor.apply_chat_template(conversation(question, answer))
        prompts.append(len(tokenizer(asked)["input_ids"]))
        seen.append(full)
    if mode == "see":
        inputs = processor(images=images, text=seen, padding=True, return_tensors="pt")
        shift = [int((row == image_id).sum()) - 1 for row in inputs["input_ids"]]
    else:
        ids = [_blind_ids(tokenizer(text)["input_ids"], image_id, mode, IMAGE_TOKENS) for text in seen]
        width = max(len(row) for row, _ in ids)
        filler = tokenizer.pad_token_id
        rows = torch.tensor([row + [filler] * (width - len(row)) for row, _ in ids])
        mask = torch.tensor([keep + [0] * (width - len(keep)) for _, keep in ids])
        inputs = {"input_ids": rows.where(rows != image_id, filler), "attention_mask": mask}
        inputs["position_ids"] = torch.arange(width)[None].expand(len(ids), -1)
        shift = [len(row) - len(tokenizer(text)["input_ids"]) for (row, _), text in zip(ids, seen, strict=True)]
    logits = model(**inputs).logits
    exact, losses = [], []
    for i, row in enumerate(inputs["input_ids"]):
        first = prompts[i] + shift[i]
        last = first + len(tokenizer(" " + answers[i], add_special_tokens=False)["input_ids"]) + 1
        targets, shown = row[first:last], logits[i, first - 1 : last - 1]
        exact.append(bool((shown.argmax(-1) == targets).all()))
        losses.append(float(torch.nn.functional.cross_entropy(shown, targets)))
    return torch.tensor(exact), torch.tensor(losses)


def _blind_ids(ids: list[int], image_id: int, mode: str, length: int) -> tuple[list[int], list[int]]:
    """Token ids and attention mask of a conversation whose image is blinded."""
    row, keep = [], []
    for token in ids:
        n = 1 if token != image_id else {"masked": length, "drop": 1, "remove": 0}[mode]
        row += [token] * n
        keep += [int(token != image_id)] * n
    return row, keep


def evaluate_vlm(folder: Path, seed: int = 42, scenes: int = 200) -> dict[str, float]:
    """Exact match per kind, and how well necessity separates (see `heldout.examine`), from the saved folder."""
    model, processor = load_vlm(folder)
    drawn, exams = examination(seed, scenes)
    pictures = [Image.fromarray(render(s)) for s in drawn]

    def score(rows: list[Exam], answers: list[str], mode: str) -> tuple[torch.Tensor, torch.Tensor]:
        parts = []
        for i in range(0, len(rows), 64):
            part = rows[i : i + 64]
            images = [pictures[e.scene] for e in part]
            parts.append(
                response_losses(model, processor, images, [e.qa.question for e in part], answers[i : i + 64], mode)
            )
        return torch.cat([e for e, _ in parts]), torch.cat([x for _, x in parts])

    right = [e.qa.answer for e in exams]
    exact, seen = score(exams, right, "see")
    result: dict[str, float] = {}
    for group in dict.fromkeys(e.group for e in exams):
        result[group] = float(exact[torch.tensor([e.group == group for e in exams])].float().mean())
    visual = torch.tensor([e.group in BALANCED_KINDS for e in exams])
    told = torch.tensor([e.group == "stated" for e in exams])
    misled = [e for e in exams if e.group in BALANCED_KINDS and e.wrong is not None]
    wrong = [str(e.wrong) for e in misled]
    _, seen_wrong = score(misled, wrong, "see")
    for mode in BLINDS:
        _, blind = score(exams, right, mode)
        need = blind - seen
        _, blind_wrong = score(misled, wrong, mode)
        suffix = "" if mode == "masked" else f"_{mode}"
        result[f"auc_text{suffix}"] = auc(need[visual], need[told])
        result[f"auc_wrong{suffix}"] = auc(need[visual], blind_wrong - seen_wrong)
        if mode == "masked":
            result["necessity_visual"] = float(need[visual].mean())
            result["necessity_stated"] = float(need[told].mean())
            result["necessity_wrong"] = float((blind_wrong - seen_wrong).mean())
    result["questions"] = len(exams)
    return {k: round(v, 4) for k, v in result.items()}


def evaluate_clip(folder: Path, seed: int = 42, scenes: int = 1000) -> dict[str, float]:
    """The share of held-out pictures that find their own description among 100."""
    model = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return {"retrieval": round(retrieval(model, tokenizer, seed, scenes), 4), "scenes": scenes}


def evaluate(folder: Path, seed: int = 42, scenes: int | None = None) -> dict[str, float]:
    """Evaluate a model folder of either kind."""
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    run = evaluate_vlm if kind == "llava" else evaluate_clip
    return run(folder, seed, scenes) if scenes else run(folder, seed)


def misses(result: dict[str, float]) -> list[str]:
    """The bars that a result does not reach."""
    return [f"{k} {result[k]:.3f} < {bar}" for k, bar in BARS.items() if k in result and result[k] < bar]
