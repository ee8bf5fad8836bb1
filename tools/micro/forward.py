"""The forward pass over packed rows, and what is measured on them."""

from __future__ import annotations

import torch
from torch import nn
from transformers import LlavaForConditionalGeneration

from .model import patch_features, to_pixels


def packed_logits(
    model: LlavaForConditionalGeneration, batch: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits at the answers' positions only, (answers, vocabulary), and the patch features, (batch, 64, width)."""
    inner = model.model
    features = patch_features(inner.vision_tower, to_pixels(batch["images"].numpy()))
    embeds = inner.language_model.embed_tokens(batch["input_ids"])
    image = inner.multi_modal_projector(features)
    start = 4
    embeds = torch.cat([embeds[:, :start], image, embeds[:, start + image.shape[1] :]], dim=1)
    out = inner.language_model(
        inputs_embeds=embeds, attention_mask=batch["mask"], position_ids=batch["position_ids"], use_cache=False
    ).last_hidden_state
    where = batch["where"]
    return model.lm_head(out[where[:, 0], where[:, 1]]), features


def answer_loss(logits: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Cross-entropy of answer tokens; a long answer counts as the square root of its length."""
    losses = nn.functional.cross_entropy(logits, batch["targets"], reduction="none")
    lengths = torch.bincount(batch["block"])[batch["block"]].float()
    weights = lengths.rsqrt()
    return (losses * weights).sum() / weights.sum()


@torch.no_grad()
def measure(logits: torch.Tensor, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Per block: whether greedy decoding gives the answer exactly (argmax right at every token under the right prefix
    is the same thing), and the mean loss of the response in nats per token."""
    losses = nn.functional.cross_entropy(logits, batch["targets"], reduction="none")
    wrong = (logits.argmax(-1) != batch["targets"]).float()
    counts = torch.bincount(batch["block"]).float()
    exact = torch.zeros_like(counts).index_add_(0, batch["block"], wrong) == 0
    mean = torch.zeros_like(counts).index_add_(0, batch["block"], losses) / counts
    return exact, mean


def auc(positive: torch.Tensor, negative: torch.Tensor) -> float:
    """The chance that a positive exceeds a negative, ties counted half."""
    difference = positive[:, None] - negative[None, :]
    return float(((difference > 0).float() + 0.5 * (difference == 0).float()).mean())
