"""Signals of published methods: the worker's own functions on the small inputs of test/goldens."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from winnow_worker.families.packing import Packed
from winnow_worker.signals.attended import attended
from winnow_worker.signals.attention import OfficialAttention, cross_attention, top_singular_values
from winnow_worker.signals.engine import Engine
from winnow_worker.signals.loss import ErrorNorm
from winnow_worker.signals.optimizer_state import adam_direction
from winnow_worker.signals.states import WeightedMean


def golden(name: str) -> tuple[dict[str, Any], Any]:
    case = json.loads((Path(__file__).parents[2] / "test/goldens" / f"{name}.json").read_text())
    return case["inputs"], case["outputs"]


def token_scores(logits: list[list[list[float]]], labels: list[list[int]]) -> tuple[list, dict[str, np.ndarray]]:
    """EL2N, AUM and losses of responses by the engine, the model's states being the logits."""
    rows = [SimpleNamespace(queries=np.arange(len(y)), labels=np.array(y)) for y in labels]
    states = torch.zeros(len(rows), max(len(y) for y in labels), len(logits[0][0]))
    for r, row in enumerate(logits):
        states[r, : len(row)] = torch.tensor(row)
    engine = SimpleNamespace(model=SimpleNamespace(logits=lambda x: x))
    apart = Packed(rows, list(range(len(rows))), [0] * len(rows), [0] * len(rows))  # type: ignore[arg-type]
    tokens = Engine.tokens(engine, rows, states, apart, True)  # type: ignore[arg-type]
    columns = ErrorNorm({}).columns(SimpleNamespace(tokens={"image": tokens}), None)  # type: ignore[arg-type]
    return tokens, {name: np.asarray(column.data) for name, column in columns.items()}


def test_el2n_aum_and_loss() -> None:
    inputs, outputs = golden("el2n/token_scores")
    tokens, found = token_scores(inputs["logits"], inputs["labels"])
    assert found["el2n"] == pytest.approx([o["el2n"] for o in outputs], rel=1e-5)
    assert found["aum"] == pytest.approx([o["aum_elementwise"] for o in outputs], rel=1e-5)
    assert [t.mean for t in tokens] == pytest.approx([o["mean_nll"] for o in outputs], rel=1e-5)


def test_el2n_of_tokens_that_are_nearly_sure() -> None:
    # Two words, the right one ahead by g: both components of p - onehot are 1 / (1 + e^g).
    gaps = [4.0, 8.0, 10.0, 12.0]
    _, found = token_scores([[[g, 0.0]] for g in gaps], [[0]] * len(gaps))
    assert found["el2n"] == pytest.approx([math.sqrt(2) / (1 + math.exp(g)) for g in gaps], rel=1e-4)


def test_xmas_attention_and_singular_values() -> None:
    inputs, outputs = golden("xmas/attention_matrix_small")
    q, k = (torch.tensor(inputs[name]) for name in ("q_proj", "k_proj"))
    (first, last), from_row, length = inputs["image_cols"], inputs["text_rows_from"], q.shape[1]
    text, image = torch.arange(from_row, length)[None], torch.arange(first, last)[None]
    inside = torch.zeros(1, 1, length, dtype=torch.bool)
    total = sum(cross_attention(q[i : i + 1], k[i : i + 1], text, image, inside, 1)[0] for i in range(len(q)))
    np.testing.assert_allclose(total, outputs["paper_matrix"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(top_singular_values(total), outputs["paper_singular_values"], rtol=1e-4)

    official = OfficialAttention(first, last, from_row)
    official.layers = [{"q_proj": [one_q[None]], "k_proj": [one_k[None]]} for one_q, one_k in zip(q, k, strict=True)]
    row = SimpleNamespace(encoded=SimpleNamespace(blocks=[(first, last)]))
    values = official.observe([row], torch.empty(0))[0]  # type: ignore[list-item]
    np.testing.assert_allclose(values, outputs["official_singular_values"], rtol=1e-4)


def test_less_adam_direction() -> None:
    inputs, outputs = golden("less/adam_feature")
    g, m, v = (torch.tensor(inputs[name], dtype=torch.float64) for name in ("grad", "exp_avg", "exp_avg_sq"))
    np.testing.assert_allclose(adam_direction(g, m, v), outputs["feature"], rtol=1e-5)


def test_scalselect_attended_tokens() -> None:
    inputs, outputs = golden("scalselect/vision_repr")
    heads = torch.tensor(inputs["attention_logits_softmaxed"])[0]
    looked = heads[:, inputs["text_idx"]][:, :, inputs["vision_idx"]].mean(dim=(0, 1))
    places = attended(looked, inputs["threshold"])
    assert places.tolist() == outputs["selected_relative"]
    tokens = torch.tensor(inputs["hidden"])[0][inputs["vision_idx"]]
    np.testing.assert_allclose(tokens[places].mean(0), outputs["vector"], atol=1e-5)
    second = torch.tensor(inputs["second_case_column_attention"])
    assert attended(second, inputs["threshold"]).tolist() == outputs["second_case_selected_relative"]


def test_rds_position_weighted_mean() -> None:
    inputs, outputs = golden("rdsplus/pool_and_round_robin")
    states = torch.tensor(inputs["hidden"])[None]
    row = [0] * states.shape[1]
    pooled = WeightedMean().observe([row], torch.nn.functional.pad(states, (0, 0, 0, 2), value=9.0))[0]  # type: ignore[list-item]
    want = np.array(outputs["pooled"])
    np.testing.assert_allclose(pooled, want / np.linalg.norm(want), rtol=1e-5)
