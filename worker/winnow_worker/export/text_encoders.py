"""Text and image encoders as ONNX: sentence encoders of BERT's type, CLIP, SigLIP, DINOv2, in transformers.js' layout.

onnx/model.onnx         input_ids, attention_mask, token_type_ids -> last_hidden_state        (BERT)
onnx/text_model.onnx    input_ids -> text_embeds (CLIP), pooler_output (SigLIP)
onnx/vision_model.onnx  pixel_values -> image_embeds (CLIP), pooler_output (SigLIP, DINOv2)
onnx/weights.bin        the weights, once, for all graphs of the folder
similarity.json         scale and bias of the similarity (CLIP, SigLIP)
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import AutoConfig, AutoModel

from ..weights import UNREAD_OF_ENCODER, load_weights
from . import vision
from .graph import FLOAT, INT64, Graph, Weights, attention

COPIED = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
)
LOWEST = -3.4e38


def build_bert(g: Graph, ids: str, mask: str, types: str, model: nn.Module) -> str:
    """Last hidden states of a BERT encoder, `[batch, length, hidden]`; `mask` is 1 where a token is real."""
    e = model.embeddings
    x = g.op("Gather", g.weight(e.word_embeddings.weight), ids, axis=0)
    x = g.op("Add", x, g.op("Gather", g.weight(e.token_type_embeddings.weight), types, axis=0))
    positions = g.op("Gather", g.weight(e.position_embeddings.weight), g.range(g.dim(ids, 1)), axis=0)
    x = g.layer_norm(g.op("Add", x, positions), e.LayerNorm)
    padding = g.op("Sub", g.op("Cast", mask, to=FLOAT), g.const(1.0, np.float32))
    bias = g.op("Unsqueeze", g.op("Mul", padding, g.const(-LOWEST, np.float32)), g.const([1, 2]))
    # ONNX Runtime's attention takes a mask with a row for every query.
    shape = g.op("Concat", g.const([1, 1]), g.dim(ids, 1), g.const([1]), axis=0)
    bias = g.op("Expand", bias, shape)
    for layer in model.encoder.layer:
        x = bert_layer(g, x, bias, layer, model.config)
    return x


def bert_layer(g: Graph, x: str, bias: str, layer: nn.Module, config: object) -> str:
    """Post-norm: attention, then the feed-forward net, each added to its input and normed."""
    own, out = layer.attention.self, layer.attention.output
    heads, width = config.num_attention_heads, config.hidden_size
    q, k, v = g.split(g.linear(x, own.query, own.key, own.value), [width] * 3)
    y = attention(g, q, k, v, heads, heads, (width // heads) ** -0.5, bias)
    x = g.layer_norm(g.op("Add", x, g.linear(y, out.dense)), out.LayerNorm)
    y = g.activation(g.linear(x, layer.intermediate.dense), config.hidden_act)
    return g.layer_norm(g.op("Add", x, g.linear(y, layer.output.dense)), layer.output.LayerNorm)


def text_states(g: Graph, ids: str, tower: nn.Module, causal: bool) -> str:
    """Normed last hidden states of a CLIP or SigLIP text tower."""
    x = g.op("Gather", g.weight(tower.embeddings.token_embedding.weight), ids, axis=0)
    table = g.weight(tower.embeddings.position_embedding.weight)
    x = g.op("Add", x, g.op("Gather", table, g.range(g.dim(ids, 1)), axis=0))
    for block in tower.encoder.layers:
        x = g.op("Add", x, vision.self_attention(g, g.layer_norm(x, block.layer_norm1), block.self_attn, causal=causal))
        x = g.op("Add", x, vision.mlp(g, g.layer_norm(x, block.layer_norm2), block.mlp, tower.config.hidden_act))
    return g.layer_norm(x, tower.final_layer_norm)


def clip_text_embedding(g: Graph, ids: str, tower: nn.Module, projection: nn.Linear) -> str:
    """CLIP's text embedding, `[batch, dim]`: the state at the first end-of-text token, projected."""
    x = text_states(g, ids, tower, causal=True)
    eos = tower.config.eos_token_id
    # Configurations that say 2 were saved before the id was right: there the end of text is the largest id.
    found = ids if eos == 2 else g.op("Cast", g.op("Equal", ids, g.const(eos)), to=INT64)
    at = g.op("ArgMax", found, axis=1, keepdims=1)
    state = g.op("GatherND", x, at, batch_dims=1)
    return g.linear(state, projection)


def siglip_text_embedding(g: Graph, ids: str, tower: nn.Module) -> str:
    """SigLIP's text embedding, `[batch, dim]`: the last position, which is padding in short texts, through the head."""
    x = text_states(g, ids, tower, causal=False)
    return g.linear(g.op("Gather", x, g.const(-1), axis=1), tower.head)


def export_bert(source: Path, target: Path, dtype: str = "auto") -> list[Path]:
    """Write a BERT encoder's graph and copy its tokenizer; returns the files written."""
    model = load(source, "bert")
    weights = Weights(dtype, "weights.bin")
    g = Graph("model", weights)
    names = ("input_ids", "attention_mask", "token_type_ids")
    ids, mask, types = (g.input(name, ["batch", "length"], INT64) for name in names)
    out = build_bert(g, ids, mask, types, model)
    g.output(out, "last_hidden_state", ["batch", "length", model.config.hidden_size])
    return write(source, target, [g], weights)


def export_clip(source: Path, target: Path, dtype: str = "auto") -> list[Path]:
    """Write both towers of a CLIP model; returns the files written."""
    model = load(source, "clip")
    weights = Weights(dtype, "weights.bin")
    text, image = Graph("text_model", weights), Graph("vision_model", weights)
    width = model.config.projection_dim
    ids = text.input("input_ids", ["batch", "length"], INT64)
    embeds = clip_text_embedding(text, ids, model.text_model, model.text_projection)
    text.output(embeds, "text_embeds", ["batch", width])
    size = model.config.vision_config.image_size
    pixels = image.input("pixel_values", ["batch", 3, size, size])
    embeds = vision.clip_image_embedding(image, pixels, model, model.visual_projection)
    image.output(embeds, "image_embeds", ["batch", width])
    return write(source, target, [text, image], weights, model)


def export_siglip(source: Path, target: Path, dtype: str = "auto") -> list[Path]:
    """Write both towers of a SigLIP model; returns the files written."""
    model = load(source, "siglip")
    weights = Weights(dtype, "weights.bin")
    text, image = Graph("text_model", weights), Graph("vision_model", weights)
    ids = text.input("input_ids", ["batch", "length"], INT64)
    width = model.config.text_config.projection_size
    text.output(siglip_text_embedding(text, ids, model.text_model), "pooler_output", ["batch", width])
    size = model.config.vision_config.image_size
    pixels = image.input("pixel_values", ["batch", 3, size, size])
    embeds = vision.siglip_image_embedding(image, pixels, model)
    image.output(embeds, "pooler_output", ["batch", model.config.vision_config.hidden_size])
    return write(source, target, [text, image], weights, model)


def export_dinov2(source: Path, target: Path, dtype: str = "auto") -> list[Path]:
    """Write DINOv2's class embedding for the size that its processor makes; returns the files written."""
    model = load(source, "dinov2")
    if model.config.use_swiglu_ffn:
        raise ValueError("DINOv2 with a gated feed-forward net (giant) is not supported")
    weights = Weights(dtype, "weights.bin")
    image = Graph("vision_model", weights)
    processor = json.loads((source / "preprocessor_config.json").read_text())
    size = processor["crop_size"]["height"]
    pixels = image.input("pixel_values", ["batch", 3, size, size])
    embeds = vision.dino_image_embedding(image, pixels, model, size)
    image.output(embeds, "pooler_output", ["batch", model.config.hidden_size])
    return write(source, target, [image], weights)


EXPORTERS = {"bert": export_bert, "clip": export_clip, "dinov2": export_dinov2, "siglip": export_siglip}


def export_encoder(source: Path, target: Path, dtype: str = "auto") -> list[Path]:
    """Export an encoder by its model type; ValueError for a type that has no exporter here."""
    model_type = AutoConfig.from_pretrained(source, local_files_only=True).model_type
    if model_type not in EXPORTERS:
        raise ValueError(f"model type {model_type!r} is not supported: {', '.join(EXPORTERS)} are")
    return EXPORTERS[model_type](source, target, dtype)


def load(folder: Path, model_type: str) -> nn.Module:
    """A model in fp32 on the CPU, from safetensors only."""
    model = load_weights(AutoModel, folder, UNREAD_OF_ENCODER, dtype=torch.float32)
    if model.config.model_type != model_type:
        raise ValueError(f"{folder} holds a {model.config.model_type!r} model, not {model_type!r}")
    return model.eval()


def write(
    source: Path, target: Path, graphs: list[Graph], weights: Weights, contrastive: nn.Module | None = None
) -> list[Path]:
    """Save graphs, weights and what a reader needs beside them."""
    folder = target / "onnx"
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{g.name}.onnx" for g in graphs]
    for g, path in zip(graphs, written, strict=True):
        g.save(path)
    weights.save(folder)
    written.append(folder / "weights.bin")
    if contrastive is not None:
        bias = getattr(contrastive, "logit_bias", None)
        similarity = {
            "scale": contrastive.logit_scale.exp().item(),
            "bias": 0.0 if bias is None else bias.item(),
        }
        written.append(target / "similarity.json")
        written[-1].write_text(json.dumps(similarity) + "\n")
    if source.resolve() != target.resolve():
        for name in COPIED:
            if (source / name).exists():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / name, target / name)
    return written
