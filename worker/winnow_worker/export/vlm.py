"""A vision-language model folder of `transformers` -> the folder layout of transformers.js, with graphs for losses.

onnx/vision_encoder.onnx        pixel_values [, pixel_attention_mask] -> image_features
onnx/embed_tokens.onnx          input_ids -> inputs_embeds
onnx/decoder_model_merged.onnx  inputs_embeds, attention_mask, position_ids, past_key_values.* -> logits, present.*
onnx/decoder_prefix.onnx        input_ids, image_features, position_ids -> present.*
onnx/decoder_loss.onnx          the losses of chosen tokens (see `llama.loss_decoder`)
onnx/weights.bin                the weights, once, for all of them
"""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForImageTextToText

from ..families.records import record_of, records
from ..weights import UNREAD_OF_VLM, load_weights
from . import llama, vision
from .graph import BOOL, Graph, Weights

COPIED = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "chat_template.json",
)


def load_model(folder: Path) -> nn.Module:
    """A model in fp32 on the CPU, from safetensors only."""
    return load_weights(AutoModelForImageTextToText, folder, UNREAD_OF_VLM, dtype=torch.float32).eval()


def export_vlm(source: Path, target: Path, dtype: str = "auto", optimise: bool = True) -> list[Path]:
    """Write the ONNX folder of a model whose family runs in process; `source` and `target` may be the same folder.

    `optimise=False` leaves out the two graphs that transformers.js does not know. Returns the files written.
    """
    model_type = AutoConfig.from_pretrained(source, local_files_only=True).model_type
    way = (record_of(model_type) or {}).get("inProcess")
    if way is None:
        known = ", ".join(record["title"] for record in records() if "inProcess" in record)
        message = f"A model of type {model_type} can't be exported, where {known} can."
        raise ValueError(f"{message} Measure it with the worker: --by worker.")
    model = load_model(source)
    folder = target / "onnx"
    folder.mkdir(parents=True, exist_ok=True)
    weights = Weights(dtype, "weights.bin")
    g = Graph("vision_encoder", weights)
    BUILDERS[way](g, model)
    graphs = [g]
    text = getattr(model.model, "language_model", None) or model.model.text_model
    decoder = llama.read_decoder(text, model.lm_head)
    parts = {"embed_tokens": llama.embed_tokens, "decoder_model_merged": llama.standard_decoder}
    if optimise:
        parts |= {"decoder_prefix": llama.prefix_decoder, "decoder_loss": llama.loss_decoder}
    for name, build in parts.items():
        g = Graph(name, weights)
        build(g, decoder)
        graphs.append(g)
    written = [folder / f"{g.name}.onnx" for g in graphs]
    for g, path in zip(graphs, written, strict=True):
        g.save(path)
    weights.save(folder)
    if source.resolve() != target.resolve():
        for name in COPIED:
            if (source / name).exists():
                shutil.copyfile(source / name, target / name)
    return [*written, folder / "weights.bin"]


def llava_encoder(g: Graph, model: nn.Module) -> None:
    """`pixel_values [images, 3, size, size] -> image_features [images, tokens, hidden]`."""
    c = model.config
    tower, size = model.model.vision_tower, c.vision_config.image_size
    pixels = g.input("pixel_values", ["images", 3, size, size])
    layers = c.vision_feature_layer
    layers = [layers] if isinstance(layers, int) else list(layers)
    kind = c.vision_config.model_type
    if kind == "clip_vision_model":
        states = [vision.build_clip_vision(g, pixels, tower, layer) for layer in layers]
    elif kind == "siglip_vision_model":
        states = [vision.build_siglip_vision(g, pixels, tower, layer) for layer in layers]
    else:
        raise ValueError(f"vision tower {kind!r} is not supported: clip_vision_model and siglip_vision_model are")
    if c.vision_feature_select_strategy == "default":
        states = [g.op("Slice", s, g.const([1]), g.const([1 << 30]), g.const([1])) for s in states]
    x = states[0] if len(states) == 1 else g.op("Concat", *states, axis=-1)
    x = vision.llava_connector(g, x, model.model.multi_modal_projector, c.projector_hidden_act)
    g.output(x, "image_features", ["images", "tokens", c.text_config.hidden_size])


def idefics3_encoder(g: Graph, model: nn.Module) -> None:
    """`pixel_values [batch, tiles, 3, h, w]` and its mask -> `image_features [batch * tiles, tokens, hidden]`."""
    c = model.config
    size, patch = c.vision_config.image_size, c.vision_config.patch_size
    pixels = g.input("pixel_values", ["batch", "tiles", 3, size, size])
    mask = g.input("pixel_attention_mask", ["batch", "tiles", size, size], BOOL)
    flat, flat_mask = g.reshape(pixels, [-1, 3, size, size]), g.reshape(mask, [-1, size, size])
    x = vision.build_idefics3_vision(g, flat, flat_mask, model.model.vision_model)
    x = vision.idefics3_connector(g, x, model.model.connector, size // patch)
    g.output(x, "image_features", ["images", "tokens", c.text_config.hidden_size])


# By the records' `inProcess`.
BUILDERS = {"projector": llava_encoder, "tiles": idefics3_encoder}
