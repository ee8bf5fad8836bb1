"""Folders of sentence-transformers: pooling of every kind, dense layers, norms, limits, as their modules compute it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as t
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from winnow_worker.protocol import JobError
from winnow_worker.signals.encoders import Encoder

WORDS = ["<s>", "<pad>", "</s>", "<unk>", *"abcdefghij"]
TEXTS = ["a b c", "d", "e f g h i j a b", "c"]


def roberta(folder: Path, positions: int = 34, limit: int = 32) -> Path:
    raw = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    t.PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<s>", cls_token="<s>", eos_token="</s>", sep_token="</s>", pad_token="<pad>",
        unk_token="<unk>", model_max_length=limit,
    ).save_pretrained(folder)  # fmt: skip
    torch.manual_seed(3)
    net = t.RobertaModel(t.RobertaConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=positions, initializer_range=0.5,
    ), add_pooling_layer=False)  # fmt: skip
    net.save_pretrained(folder)
    return folder


def modules(folder: Path, pooling: dict, *after: tuple[str, dict, dict[str, torch.Tensor]]) -> Path:
    kinds = ["Transformer", "Pooling", *(kind for kind, _, _ in after)]
    listed = [
        {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(listed))
    for i, (kind, config, weights) in enumerate([("Pooling", pooling, {}), *after], 1):
        (folder / f"{i}_{kind}").mkdir()
        (folder / f"{i}_{kind}" / "config.json").write_text(json.dumps(config))
        if weights:
            save_file(weights, folder / f"{i}_{kind}" / "model.safetensors")
    return folder


def states(folder: Path, text: str) -> np.ndarray:
    """Of one text by itself, (L, 16)."""
    tokenizer, net = t.AutoTokenizer.from_pretrained(folder), t.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        return net(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].double().numpy()


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


POOLS = {
    "cls_token": lambda x: x[0],
    "max_tokens": lambda x: x.max(0),
    "mean_tokens": lambda x: x.mean(0),
    "mean_sqrt_len_tokens": lambda x: x.sum(0) / len(x) ** 0.5,
    "weightedmean_tokens": lambda x: np.arange(1, len(x) + 1) @ x / np.arange(1, len(x) + 1).sum(),
    "lasttoken": lambda x: x[-1],
}


@pytest.mark.parametrize("mode", POOLS)
def test_every_pooling_is_that_of_one_text_by_itself(tmp_path: Path, mode: str) -> None:
    folder = modules(roberta(tmp_path), {f"pooling_mode_{mode}": True, "pooling_mode_other": False})
    got = Encoder(folder, tmp_path, "cpu", torch.float32, 4).texts(TEXTS)
    np.testing.assert_allclose(got, [unit(POOLS[mode](states(folder, text))) for text in TEXTS], atol=1e-5)


def test_several_poolings_a_norm_and_a_dense_layer_follow_each_other(tmp_path: Path) -> None:
    weights = {"linear.weight": torch.randn(8, 32), "linear.bias": torch.randn(8)}
    dense = {"in_features": 32, "out_features": 8, "bias": True,
             "activation_function": "torch.nn.modules.activation.Tanh"}  # fmt: skip
    folder = modules(
        roberta(tmp_path), {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
        ("Normalize", {}, {}), ("Dense", dense, weights),
    )  # fmt: skip
    got = Encoder(folder, tmp_path, "cpu", torch.float32, 4).texts(TEXTS)
    w, b = weights["linear.weight"].double().numpy(), weights["linear.bias"].double().numpy()
    for vector, text in zip(got, TEXTS, strict=True):
        x = states(folder, text)
        pooled = unit(np.concatenate([x[0], x.mean(0)]))
        np.testing.assert_allclose(vector, unit(np.tanh(w @ pooled + b)), atol=1e-5)


def test_modules_that_are_not_known_or_lack_weights_are_refused(tmp_path: Path) -> None:
    folder = modules(roberta(tmp_path / "a"), {"pooling_mode_mean_tokens": True}, ("LSTM", {}, {}))
    with pytest.raises(JobError, match="LSTM"):
        Encoder(folder, tmp_path, "cpu", torch.float32, 4)
    folder = modules(roberta(tmp_path / "b"), {"pooling_mode": "attention"})
    with pytest.raises(JobError, match="attention"):
        Encoder(folder, tmp_path, "cpu", torch.float32, 4)
    folder = modules(roberta(tmp_path / "c"), {}, ("Dense", {}, {}))
    with pytest.raises(JobError, match=r"lacks 2_Dense/model\.safetensors"):
        Encoder(folder, tmp_path, "cpu", torch.float32, 4)


@pytest.mark.parametrize(("positions", "limit", "wanted"), [(34, 32, 32), (34, 512, 32), (34, 20, 20), (34, None, 32)])
def test_long_texts_are_cut_at_the_limit_and_at_the_positions(
    tmp_path: Path, positions: int, limit: int | None, wanted: int
) -> None:
    folder = roberta(tmp_path, positions, limit)
    encoder = Encoder(folder, tmp_path, "cpu", torch.float32, 4)
    assert encoder.limit == wanted
    long = " ".join("abcdefghij"[i % 10] for i in range(60))
    got = encoder.texts(["a b", long])
    cut = " ".join(long.split()[: wanted - 2])
    np.testing.assert_allclose(got[1], unit(states(folder, cut).mean(0)), atol=1e-5)
    assert encoder.cut == 1
