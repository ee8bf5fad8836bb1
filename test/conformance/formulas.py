"""What only the worker measures, for the conformance checks: one request a line on standard input, {name, inputs}, one
answer a line, {found} or {error}. The functions are the worker's own."""

from __future__ import annotations

import json
import sys
from typing import Any

import torch

from winnow_worker.signals.attended import attended
from winnow_worker.signals.attention import cross_attention, gram_singular_values, swapped_attention
from winnow_worker.signals.engine import token_numbers
from winnow_worker.signals.optimizer_state import adam_direction
from winnow_worker.signals.states import position_weighted_mean

Inputs = dict[str, Any]


def cross_modal_attention(inputs: Inputs) -> dict[str, Any]:
    """XMAS: maps of text rows on image columns, summed over layers, and their singular values, by variant."""
    q, k = (torch.tensor(inputs[name], dtype=torch.float32) for name in ("q", "k"))
    (first, last), start, length = inputs["image"], inputs["text"], len(q[0])
    text, image = torch.arange(start, length)[None], torch.arange(first, last)[None]
    own_row = torch.zeros(1, 1, length, dtype=torch.bool)
    layers = range(len(q))
    paper = sum(cross_attention(q[i : i + 1], k[i : i + 1], text, image, own_row, 1)[0] for i in layers)
    official = sum(swapped_attention(q[i], k[i], start, first, last) for i in layers)
    maps = {"paper": paper, "official": official}
    return {name: {"matrix": a.tolist(), "values": gram_singular_values(a).tolist()} for name, a in maps.items()}


def token_scores(inputs: Inputs) -> list[dict[str, float]]:
    """EL2N, AUM and loss of responses, means over their tokens."""
    found = []
    for logits, labels in zip(inputs["logits"], inputs["labels"], strict=True):
        rows = torch.tensor(logits, dtype=torch.float64).reshape(len(labels), -1)
        nll, el2n, aum = (x.mean().item() for x in token_numbers(rows, torch.tensor(labels)[:, None], True))
        found.append({"nll": nll, "el2n": el2n, "aum": aum})
    return found


def attended_tokens(inputs: Inputs) -> list[int]:
    """ScalSelect: places of the most attended image tokens. `heads`: maps; or `attention`, averaged already."""
    if "attention" in inputs:
        return attended(torch.tensor(inputs["attention"], dtype=torch.float32), inputs["share"]).tolist()
    heads = torch.tensor(inputs["heads"], dtype=torch.float32)
    looked = heads[:, inputs["text"]][:, :, inputs["vision"]].mean(dim=(0, 1))
    return attended(looked, inputs["share"]).tolist()


def mean_state(inputs: Inputs) -> list[float]:
    return torch.tensor(inputs["states"], dtype=torch.float64)[inputs["places"]].mean(0).tolist()


def adam_step(inputs: Inputs) -> list[float]:
    """LESS: the step that Adam would take."""
    g, m, v = (torch.tensor(inputs[name], dtype=torch.float64) for name in ("gradient", "first", "second"))
    return adam_direction(g, m, v).tolist()


def weighted_mean(inputs: Inputs) -> list[float]:
    """RDS+: mean of states, weighted by position."""
    return position_weighted_mean(torch.tensor(inputs["states"])).tolist()


FORMULAS = {one.__name__: one for one in (
    cross_modal_attention, token_scores, attended_tokens, mean_state, adam_step, weighted_mean
)}  # fmt: skip


def main() -> None:
    for line in sys.stdin:
        try:
            request = json.loads(line)
            answer = {"found": FORMULAS[request["name"]](request["inputs"])}
        except Exception as error:  # noqa: BLE001  it is the fixture's fault, and is said there
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
