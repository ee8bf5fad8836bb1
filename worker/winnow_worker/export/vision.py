"""Vision towers and connectors: CLIP, SigLIP and Idefics3/SmolVLM, as ONNX.

Every builder takes a `transformers` module and adds nodes to a graph; shapes are `[images, patches, hidden]`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from .graph import FLOAT, INT64, Graph, attention


def build_clip_vision(g: Graph, pixels: str, model: nn.Module, layer: int = -1) -> str:
    """Hidden states of a CLIP vision tower, `[n, 1 + patches, hidden]`, the class position first.

    `layer` counts as `hidden_states` does in `transformers`: 0 is the input of the first layer, -1 the last layer's
    output before the final norm. `pixels` is `[n, 3, size, size]`.
    """
    tower = getattr(model, "vision_model", model)
    patches = patch_embedding(g, pixels, tower.embeddings.patch_embedding)
    width = tower.config.hidden_size
    head = g.reshape(g.weight(tower.embeddings.class_embedding), [1, 1, width])
    shape = g.op("Concat", g.dim(pixels, 0), g.const([1, width]), axis=0)
    x = g.op("Concat", g.op("Expand", head, shape), patches, axis=1)
    x = g.op("Add", x, g.weight(tower.embeddings.position_embedding.weight))
    x = g.layer_norm(x, tower.pre_layrnorm)
    return encoder(g, x, tower, layer)


def clip_image_embedding(g: Graph, pixels: str, model: nn.Module, projection: nn.Linear | None) -> str:
    """The pooled output of a CLIP vision tower, `[n, dim]`: the class position, normed, then projected."""
    tower = getattr(model, "vision_model", model)
    x = build_clip_vision(g, pixels, model)
    pooled = g.layer_norm(g.op("Gather", x, g.const(0), axis=1), tower.post_layernorm)
    return pooled if projection is None else g.linear(pooled, projection)


def build_siglip_vision(g: Graph, pixels: str, model: nn.Module, layer: int | None = None) -> str:
    """Hidden states of a SigLIP vision tower, `[n, patches, hidden]`; `layer=None` gives the normed last state."""
    tower = getattr(model, "vision_model", model)
    x = patch_embedding(g, pixels, tower.embeddings.patch_embedding)
    x = g.op("Add", x, g.weight(tower.embeddings.position_embedding.weight))
    if layer is not None:
        return encoder(g, x, tower, layer)
    return g.layer_norm(encoder(g, x, tower, -1), tower.post_layernorm)


def siglip_image_embedding(g: Graph, pixels: str, model: nn.Module) -> str:
    """SigLIP's pooled output, `[n, hidden]`: one learnt probe attends to all patches."""
    tower = getattr(model, "vision_model", model)
    head = tower.head
    x = build_siglip_vision(g, pixels, model)
    attn = head.attention
    width = attn.embed_dim
    wq, wk, wv = attn.in_proj_weight.detach().split(width)
    bq, bk, bv = attn.in_proj_bias.detach().split(width)
    # The probe is the same for every image, so its query is a constant: it is computed here.
    query = torch.nn.functional.linear(head.probe.detach().float(), wq.float(), bq.float())
    shape = g.op("Concat", g.dim(x, 0), g.const([1, width]), axis=0)
    q = g.op("Expand", g.const(query.numpy(), np.float32), shape)
    k, v = _as_linear(wk, bk), _as_linear(wv, bv)
    pooled = attention(g, q, g.linear(x, k), g.linear(x, v), attn.num_heads, attn.num_heads, attn.head_dim**-0.5)
    pooled = g.linear(pooled, attn.out_proj)
    pooled = g.op("Add", pooled, mlp(g, g.layer_norm(pooled, head.layernorm), head.mlp, tower.config.hidden_act))
    return g.op("Squeeze", pooled, g.const([1]))


def build_idefics3_vision(g: Graph, pixels: str, pixel_mask: str, tower: nn.Module) -> str:
    """Normed last hidden states of the Idefics3/SmolVLM tower, `[n, patches, hidden]`.

    `pixel_mask` is `[n, height, width]`, true where a pixel is real. A patch with no real pixel is seen by nobody,
    and real patches take the position of their relative place in the image (NaViT's fractional coordinates).
    """
    patch = tower.patch_size
    x = patch_embedding(g, pixels, tower.embeddings.patch_embedding)
    mask = g.op("Unsqueeze", g.op("Cast", pixel_mask, to=FLOAT), g.const([1]))
    mask = g.op("MaxPool", mask, kernel_shape=[patch, patch], strides=[patch, patch])
    mask = g.op("Squeeze", mask, g.const([1]))  # [n, rows, columns]
    ids = _fractional_positions(g, mask, tower.embeddings.num_patches_per_side)
    flat = g.reshape(mask, [0, -1])
    ids = g.op("Mul", ids, g.op("Cast", flat, to=INT64))
    x = g.op("Add", x, g.op("Gather", g.weight(tower.embeddings.position_embedding.weight), ids, axis=0))
    hidden = g.op("Mul", g.op("Sub", flat, g.const(1, np.float32)), g.const(1e30, np.float32))
    bias = g.op("Unsqueeze", hidden, g.const([1, 2]))  # [n, 1, 1, patches]
    size = g.op("Concat", g.const([1, 1]), g.dim(x, 1), g.const([1]), axis=0)
    bias = g.op("Expand", bias, size)
    return g.layer_norm(encoder(g, x, tower, -1, bias), tower.post_layernorm)


def _fractional_positions(g: Graph, mask: str, side: int) -> str:
    """Position ids `[n, rows * columns]` from the number of real rows and columns of each image's patches."""
    boundaries = torch.arange(1 / side, 1.0, 1 / side).numpy()
    axes = []
    for real_axis, other in ((1, 2), (2, 1)):
        line = g.op("Gather", mask, g.const(0), axis=other)  # first column or row: [n, length]
        count = g.op("ReduceSum", line, g.const([1]), keepdims=1)
        step = g.op("Reciprocal", count)
        index = g.op("Cast", g.range(g.dim(mask, real_axis)), to=FLOAT)
        at = g.op("Min", g.op("Mul", index, step), g.const(1.0 - 1e-6, np.float32))  # [n, length]
        above = g.op("GreaterOrEqual", g.op("Unsqueeze", at, g.const([2])), g.const(boundaries, np.float32))
        axes.append(g.op("ReduceSum", g.op("Cast", above, to=INT64), g.const([2]), keepdims=0))
    rows = g.op("Mul", g.op("Unsqueeze", axes[0], g.const([2])), g.const(side))
    return g.reshape(g.op("Add", rows, g.op("Unsqueeze", axes[1], g.const([1]))), [0, -1])


def idefics3_connector(g: Graph, x: str, connector: nn.Module, patches_per_side: int) -> str:
    """Pixel shuffle (`s x s` neighbouring patches become one token of `s * s` times the width), then a projection."""
    s, side = connector.scale_factor, patches_per_side
    linear = connector.modality_projection.proj
    wide = linear.in_features // s
    width = wide // s
    x = g.reshape(x, [-1, side, side // s, wide])
    x = g.op("Transpose", x, perm=[0, 2, 1, 3])
    x = g.reshape(x, [0, side // s, side // s, width * s * s])
    x = g.op("Transpose", x, perm=[0, 2, 1, 3])
    return g.linear(g.reshape(x, [0, -1, width * s * s]), linear)


def llava_connector(g: Graph, x: str, projector: nn.Module, act: str) -> str:
    """Two linear layers with an activation between."""
    return g.linear(g.activation(g.linear(x, projector.linear_1), act), projector.linear_2)


def patch_embedding(g: Graph, pixels: str, conv: nn.Conv2d) -> str:
    """Patches of the image, each projected: `[n, rows * columns, hidden]`. Any size that patches tile."""
    # A convolution whose stride is its kernel is one matrix product of flattened patches.
    inputs = [pixels, g.weight(conv.weight)] + ([] if conv.bias is None else [g.weight(conv.bias)])
    grid = g.op("Conv", *inputs, kernel_shape=list(conv.kernel_size), strides=list(conv.stride))
    return g.op("Transpose", g.reshape(grid, [0, conv.out_channels, -1]), perm=[0, 2, 1])


def encoder(g: Graph, x: str, tower: nn.Module, layer: int = -1, mask: str = "") -> str:
    """Pre-norm transformer layers up to the hidden state `layer` (see `build_clip_vision`)."""
    layers = tower.encoder.layers
    count = layer if layer >= 0 else len(layers) + 1 + layer
    # Sum and norm stay apart: ONNX Runtime's SkipLayerNormalization is several times slower than both on a CPU.
    for block in layers[:count]:
        x = g.op("Add", x, self_attention(g, g.layer_norm(x, block.layer_norm1), block.self_attn, mask))
        x = g.op("Add", x, mlp(g, g.layer_norm(x, block.layer_norm2), block.mlp, tower.config.hidden_act))
    return x


def self_attention(g: Graph, x: str, attn: nn.Module, mask: str = "", causal: bool = False) -> str:
    """Attention of CLIP's, SigLIP's and Idefics3's layers (towers for images and for text)."""
    # One product each: as fast as one wide product, whose result would have to be cut in three.
    q, k, v = (g.linear(x, projection) for projection in (attn.q_proj, attn.k_proj, attn.v_proj))
    y = attention(g, q, k, v, attn.num_heads, attn.num_heads, attn.head_dim**-0.5, mask, causal)
    return g.linear(y, attn.out_proj)


def mlp(g: Graph, x: str, module: nn.Module, act: str) -> str:
    return g.linear(g.activation(g.linear(x, module.fc1), act), module.fc2)


def _as_linear(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0])
    linear.weight, linear.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())
    return linear


def dino_image_embedding(g: Graph, pixels: str, model: nn.Module, size: int) -> str:
    """DINOv2's normed class position, `[n, hidden]`, of images of `size`: positions are interpolated here."""
    embed, config = model.embeddings, model.config
    patches = patch_embedding(g, pixels, embed.patch_embeddings.projection)
    width = config.hidden_size
    head = g.reshape(g.weight(embed.cls_token), [1, 1, width])
    shape = g.op("Concat", g.dim(pixels, 0), g.const([1, width]), axis=0)
    x = g.op("Concat", g.op("Expand", head, shape), patches, axis=1)
    like = torch.zeros(1, (size // config.patch_size) ** 2 + 1, width)
    with torch.inference_mode():
        places = embed.interpolate_pos_encoding(like, size, size).clone()
    x = g.op("Add", x, g.weight(places))
    heads = config.num_attention_heads
    for block in model.encoder.layer:
        q, k, v = dino_projections(block.attention)
        out = getattr(block.attention, "o_proj", None) or block.attention.output.dense
        y = g.layer_norm(x, block.norm1)
        y = attention(g, g.linear(y, q), g.linear(y, k), g.linear(y, v), heads, heads, (width // heads) ** -0.5)
        x = g.op("Add", x, g.op("Mul", g.linear(y, out), g.weight(block.layer_scale1.lambda1)))
        y = mlp(g, g.layer_norm(x, block.norm2), block.mlp, config.hidden_act)
        x = g.op("Add", x, g.op("Mul", y, g.weight(block.layer_scale2.lambda1)))
    return g.layer_norm(g.op("Gather", x, g.const(0), axis=1), model.layernorm)


def dino_projections(module: nn.Module) -> tuple[nn.Linear, nn.Linear, nn.Linear]:
    """Of queries, keys and values; before transformers 5 they lie one module deeper and have other names."""
    if hasattr(module, "q_proj"):
        return module.q_proj, module.k_proj, module.v_proj
    return module.attention.query, module.attention.key, module.attention.value
