"""Folders without all of their weights are refused by name; what nothing reads may be missing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers as t
from safetensors.torch import load_file, save_file
from tiny import make

from winnow_worker.export.vlm import load_model
from winnow_worker.families.model import Model
from winnow_worker.families.reader import Reader
from winnow_worker.protocol import JobError
from winnow_worker.signals.encoders import Encoder
from winnow_worker.weights import UNREAD_OF_ENCODER, load_weights

Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make("llava", tmp_path_factory.mktemp("weights") / "llava")


def changed(folder: Path, copy: Path, change: Callable[[Weights], Weights]) -> Path:
    shutil.copytree(folder, copy)
    save_file(change(load_file(folder / "model.safetensors")), copy / "model.safetensors", {"format": "pt"})
    return copy


def without(part: str) -> Callable[[Weights], Weights]:
    return lambda weights: {k: v for k, v in weights.items() if part not in k}


FAULTS = {
    "projector": (without("multi_modal_projector"), "multi_modal_projector.linear_1.bias"),
    "head": (without("lm_head"), "lm_head.weight"),
    "layer": (without("layers.1.self_attn.q_proj"), "layers.1.self_attn.q_proj"),
    "prefix": (lambda w: {f"base_model.model.{k}": v for k, v in w.items()}, "weights that its configuration asks for"),
    "shape": (lambda w: {k: v[:-1].clone() if "lm_head" in k else v for k, v in w.items()}, "lm_head"),
    "lora": (lambda w: w | {"model.language_model.layers.0.mlp.up_proj.lora_A.weight": torch.ones(2, 48)}, "lora_A"),
    "more layers": (lambda w: w | {k.replace("layers.1.", "layers.3."): v.clone() for k, v in w.items()}, "layers.3"),
    "scales": (lambda w: w | {"model.language_model.layers.0.mlp.up_proj.weight_scale": torch.ones(1)}, "weight_scale"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_folder_that_lacks_weights_is_refused_by_their_names(llava: Path, tmp_path: Path, name: str) -> None:
    change, named = FAULTS[name]
    folder = changed(llava, tmp_path / "model", change)
    for load in (lambda: Model(folder, Reader(folder)), lambda: load_model(folder)):
        with pytest.raises(JobError, match=named) as caught:
            load()
        assert caught.value.code in ("MODEL_INCOMPLETE", "MODEL_UNUSABLE")


def test_a_file_that_is_cut_is_refused(llava: Path, tmp_path: Path) -> None:
    folder = changed(llava, tmp_path / "model", lambda w: w)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(JobError, match="can't be loaded") as caught:
        Model(folder, Reader(folder))
    assert caught.value.code == "MODEL_UNUSABLE"


def test_a_pooling_norm_that_nothing_reads_may_be_missing(llava: Path, tmp_path: Path) -> None:
    folder = changed(llava, tmp_path / "model", without("post_layernorm"))
    model = Model(folder, Reader(folder))
    assert any("post_layernorm" in name for name in model.net.absent_weights)


@pytest.mark.parametrize("family", ["gemma3", "internvl"])
def test_a_tied_head_is_none_that_is_missing(tmp_path: Path, family: str) -> None:
    folder = make(family, tmp_path / family)
    assert not any("lm_head" in name for name in load_file(folder / "model.safetensors"))
    Model(folder, Reader(folder))


def test_encoders_are_refused_too_but_not_for_their_unread_pooler(tmp_path: Path) -> None:
    size = dict(vocab_size=30, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16)
    t.BertModel(t.BertConfig(**size)).save_pretrained(tmp_path / "bert")
    folder = changed(tmp_path / "bert", tmp_path / "unpooled", without("pooler"))
    net = load_weights(t.AutoModel, folder, UNREAD_OF_ENCODER)
    assert torch.isnan(net.pooler.dense.weight).all()
    folder = changed(tmp_path / "bert", tmp_path / "short", without("layer.1.output"))
    with pytest.raises(JobError, match=r"encoder\.layer\.1\.output"):
        Encoder(folder, tmp_path, "cpu", torch.float32, 4)
    shutil.copytree(tmp_path / "bert", tmp_path / "less")
    config = json.loads((tmp_path / "less" / "config.json").read_text())
    (tmp_path / "less" / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    with pytest.raises(JobError, match=r"no place for.*encoder\.layer\.1"):
        Encoder(tmp_path / "less", tmp_path, "cpu", torch.float32, 4)
