"""What a sentence-transformers folder does with the states of its encoder: pooling, dense layers, norms."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch.nn import functional

from ..protocol import BAD_JOB, JobError

States = torch.Tensor
Step = Callable[[torch.Tensor], torch.Tensor]

ACTIVATIONS: dict[str, Step] = {
    "Identity": lambda x: x,
    "Tanh": torch.tanh,
    "ReLU": functional.relu,
    "GELU": functional.gelu,
    "Sigmoid": torch.sigmoid,
}


def pool_cls(states: States, mask: States) -> torch.Tensor:
    return states[:, 0]


def pool_max(states: States, mask: States) -> torch.Tensor:
    return states.masked_fill(mask == 0, float("-inf")).amax(1)


def pool_mean(states: States, mask: States) -> torch.Tensor:
    return (states * mask).sum(1) / mask.sum(1)


def pool_mean_sqrt(states: States, mask: States) -> torch.Tensor:
    return (states * mask).sum(1) / mask.sum(1).sqrt()


def pool_weighted(states: States, mask: States) -> torch.Tensor:
    """Position t (from 1) weighs t."""
    weights = mask * torch.arange(1, states.shape[1] + 1, device=states.device)[None, :, None]
    return (states * weights).sum(1) / weights.sum(1)


def pool_last(states: States, mask: States) -> torch.Tensor:
    last = mask[:, :, 0].sum(1).long() - 1
    return states[torch.arange(len(states), device=states.device), last]


# By the flags of older pooling configurations, in the order in which several stand side by side.
POOLS = {
    "cls_token": pool_cls,
    "max_tokens": pool_max,
    "mean_tokens": pool_mean,
    "mean_sqrt_len_tokens": pool_mean_sqrt,
    "weightedmean_tokens": pool_weighted,
    "lasttoken": pool_last,
}
# Newer ones name the modes.
NAMES = {"cls": "cls_token", "max": "max_tokens", "mean": "mean_tokens", "weightedmean": "weightedmean_tokens"}


class SentenceHead:
    """States of tokens to one vector a text, as the folder's modules say; the mean where it says nothing."""

    def __init__(self, folder: Path, device: str) -> None:
        self.folder, self.device = folder, device
        modules = read_json(folder / "modules.json") or []
        kinds = [(str(m["type"]).rsplit(".", 1)[-1], str(m["path"])) for m in modules]
        if kinds and (kinds[0][0] != "Transformer" or kinds[0][1] or "Pooling" not in [kind for kind, _ in kinds]):
            raise self.unsupported(f"the modules {', '.join(kind for kind, _ in kinds)}")
        pooling = next((path for kind, path in kinds if kind == "Pooling"), "1_Pooling")
        self.pools = self.read_pools(read_json(folder / pooling / "config.json") or {})
        after = [kind for kind, _ in kinds].index("Pooling") + 1 if kinds else 0
        self.steps = [self.read_step(kind, folder / path) for kind, path in kinds[after:]]
        if kinds and [kind for kind, _ in kinds[:after]] != ["Transformer", "Pooling"]:
            raise self.unsupported(f"{kinds[1][0]} before its pooling")
        self.prompt = self.read_prompt()
        sentence = read_json(folder / "sentence_bert_config.json") or {}
        self.lower = sentence.get("do_lower_case") is True
        self.limit: int | None = int(sentence.get("max_seq_length") or 0) or None

    def read_pools(self, config: dict[str, Any]) -> list[Callable[[States, States], torch.Tensor]]:
        given = config.get("pooling_mode")
        named = [given] if isinstance(given, str) else list(given or [])
        flags = [
            key.removeprefix("pooling_mode_") for key, on in config.items() if key.startswith("pooling_mode_") and on
        ]
        modes = [NAMES.get(name, name) for name in named] or flags or ["mean_tokens"]
        unknown = [mode for mode in modes if mode not in POOLS]
        if unknown:
            raise self.unsupported(f"pooling by {', '.join(unknown)}")
        self.skips_prompt = config.get("include_prompt") is False
        return [pool for mode, pool in POOLS.items() if mode in modes]

    def read_step(self, kind: str, folder: Path) -> Step:
        if kind == "Normalize":
            return lambda x: functional.normalize(x, dim=-1)
        if kind == "Dropout":
            return lambda x: x
        if kind not in ("Dense", "LayerNorm"):
            raise self.unsupported(f"the module {kind}")
        config = read_json(folder / "config.json") or {}
        if not (folder / "model.safetensors").exists():
            raise JobError(
                BAD_JOB, "MODEL_INCOMPLETE", f"The model in {self.folder} lacks {folder.name}/model.safetensors."
            )
        weights = {k: v.float().to(self.device) for k, v in load_file(folder / "model.safetensors").items()}
        stem = "norm" if kind == "LayerNorm" else "linear"
        weight, bias = weights.get(f"{stem}.weight"), weights.get(f"{stem}.bias")
        if weight is None or (bias is None and config.get("bias", True)):
            part = "weight" if weight is None else "bias"
            raise JobError(
                BAD_JOB, "MODEL_INCOMPLETE", f"The model in {self.folder} lacks {stem}.{part} of {folder.name}."
            )
        if kind == "LayerNorm":
            return lambda x: functional.layer_norm(x, weight.shape, weight, bias)
        name = str(config.get("activation_function", "Tanh")).rsplit(".", 1)[-1]
        if name not in ACTIVATIONS:
            raise self.unsupported(f"the activation {name}")
        return lambda x: ACTIVATIONS[name](functional.linear(x, weight, bias))

    def read_prompt(self) -> str:
        """What is put before every text by default."""
        config = read_json(self.folder / "config_sentence_transformers.json") or {}
        prompt = str((config.get("prompts") or {}).get(config.get("default_prompt_name") or "", "") or "")
        if prompt and self.skips_prompt:
            raise self.unsupported("pooling that leaves its prompt out")
        return prompt

    def text(self, text: str) -> str:
        """A text as the tokenizer gets it."""
        return self.prompt + (text.lower() if self.lower else text)

    def vectors(self, states: States, mask: torch.Tensor) -> torch.Tensor:
        """`states` (n, L, d) in fp32, `mask` (n, L): 1 where a token is real, and those first. Returns (n, d')."""
        weights = mask[..., None].float()
        found = torch.cat([pool(states, weights) for pool in self.pools], dim=-1)
        for step in self.steps:
            found = step(found)
        return found

    def unsupported(self, what: str) -> JobError:
        return JobError(
            BAD_JOB, "MODEL_UNSUPPORTED", f"The model in {self.folder} uses {what}, which is not supported."
        )


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def positions_of(net: torch.nn.Module) -> int | None:
    """How many tokens the position table of a text model has room for; None where positions are relative. RoBERTa and
    its kin count from behind the padding's own position."""
    text = getattr(net, "text_model", net)
    embeddings = getattr(text, "embeddings", None)
    tables = [getattr(embeddings, name, None) for name in ("position_embeddings", "position_embedding")]
    table = next((one for one in tables if isinstance(one, torch.nn.Embedding)), None)
    if table is None:
        return None
    return table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
