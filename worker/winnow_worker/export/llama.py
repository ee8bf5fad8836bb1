"""Llama-type decoders (Llama, Vicuna, Mistral, Qwen2) as ONNX, in two forms over the same weights.

`standard_decoder` is the graph transformers.js expects: embeddings, mask and past in, logits of all positions out.
`loss_decoder` and `prefix_decoder` compute losses and nothing else. They need no attention mask, because rows are
padded on the right, where causality hides the padding, and positions that are masked are left out; the last layer and
the vocabulary projection run over response positions only; keys and values of a shared prefix come in once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from .graph import FLOAT, INT64, MS, Graph

NEVER = -1e30  # added to the score of a key that must not be seen; finite, so that a row without keys stays a number


@dataclass
class Decoder:
    """A `transformers` decoder and the sizes its graphs need."""

    model: nn.Module
    head: nn.Linear
    heads: int
    kv_heads: int
    head_dim: int
    hidden: int
    vocab: int
    act: str

    @property
    def layers(self) -> list[nn.Module]:
        return list(self.model.layers)


SUPPORTED = ("llama", "mistral", "qwen2")


def read_decoder(model: nn.Module, head: nn.Linear) -> Decoder:
    """Describe a decoder module. Raises ValueError for a type whose layers differ from Llama's."""
    c = model.config
    if c.model_type not in SUPPORTED:
        raise ValueError(f"text model {c.model_type!r} is not supported: {', '.join(SUPPORTED)} are")
    if getattr(c, "use_sliding_window", False):
        raise ValueError("sliding-window attention is not supported: set use_sliding_window to false")
    head_dim = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    vocab = model.embed_tokens.num_embeddings
    kv_heads = c.num_key_value_heads
    return Decoder(model, head, c.num_attention_heads, kv_heads, head_dim, c.hidden_size, vocab, c.hidden_act)


def standard_decoder(g: Graph, d: Decoder) -> None:
    """`inputs_embeds, attention_mask, position_ids, past_key_values.* -> logits, present.*`."""
    x = g.input("inputs_embeds", ["batch", "length", d.hidden])
    mask = g.input("attention_mask", ["batch", "total"], INT64)
    positions = g.input("position_ids", ["batch", "length"], INT64)
    past = past_inputs(g, d, "batch")
    cos, sin = rotary_tables(g, d, positions)
    causal = causal_bias(g, g.dim(x, 1), g.dim(mask, 1))
    seen = g.op("Sub", g.op("Cast", mask, to=FLOAT), g.const(1, np.float32))
    hidden = g.op("Unsqueeze", g.op("Mul", seen, g.const(-NEVER, np.float32)), g.const([1, 2]))
    bias = g.op("Max", g.op("Add", causal, hidden), g.const(NEVER, np.float32))
    states = State(g, x)
    for i, layer in enumerate(d.layers):
        x = states.normed(layer.input_layernorm)
        k, v = key_value(g, d, layer, x, cos, sin)
        y, k, v = attend(g, d, query(g, d, layer, x, cos, sin), k, v, bias, past[i])
        states.add(g.linear(y, layer.self_attn.o_proj))
        states.add(feed_forward(g, d, layer, states.normed(layer.post_attention_layernorm)))
        present_outputs(g, d, i, k, v)
    g.output(g.linear(states.normed(d.model.norm), d.head), "logits", ["batch", "length", d.vocab])


def prefix_decoder(g: Graph, d: Decoder) -> None:
    """`input_ids, image_features, position_ids -> present.*`: keys and values of a prefix, whole rows, no padding."""
    ids, x = embedded_inputs(g, d)
    positions = g.input("position_ids", ["batch", "length"], INT64)
    cos, sin = rotary_tables(g, d, positions)
    bias = causal_bias(g, g.dim(ids, 1), g.dim(ids, 1))
    states = State(g, x)
    for i, layer in enumerate(d.layers):
        normed = states.normed(layer.input_layernorm)
        k, v = key_value(g, d, layer, normed, cos, sin)
        if i + 1 == len(d.layers):
            k, v = heads_first(g, d, k), heads_first(g, d, v)
        else:
            y, k, v = attend(g, d, query(g, d, layer, normed, cos, sin), k, v, bias)
            states.add(g.linear(y, layer.self_attn.o_proj))
            states.add(feed_forward(g, d, layer, states.normed(layer.post_attention_layernorm)))
        present_outputs(g, d, i, k, v)


def loss_decoder(g: Graph, d: Decoder) -> None:
    """Losses of chosen tokens.

    Inputs: `input_ids [rows, length]` (`-1 - i` stands for row `i` of `image_features`),
    `image_features [features, hidden]`, `position_ids`, `past_key_values.*` of shared prefixes
    `[prefixes, kv_heads, past, dim]` (past may be 0), `past_index [rows]` (the prefix of each row),
    `query_index [rows, queries]` (positions in the row whose logits are wanted, padded by anything),
    `token_index [tokens]` (into `rows * queries`), `labels [tokens]`. Output: `losses [tokens]`, nats.
    """
    ids, x = embedded_inputs(g, d)
    positions = g.input("position_ids", ["batch", "length"], INT64)
    past_index = g.input("past_index", ["batch"], INT64)
    query_index = g.input("query_index", ["batch", "queries"], INT64)
    token_index = g.input("token_index", ["tokens"], INT64)
    labels = g.input("labels", ["tokens"], INT64)
    past = [
        (g.op("Gather", k, past_index, axis=0), g.op("Gather", v, past_index, axis=0))
        for k, v in past_inputs(g, d, "prefixes")
    ]
    cos, sin = rotary_tables(g, d, positions)
    length = g.dim(ids, 1)
    total = g.op("Add", length, g.dim(past[0][0], 2))
    bias = causal_bias(g, length, total)
    states = State(g, x)
    for layer, kv in zip(d.layers[:-1], past[:-1], strict=True):
        normed = states.normed(layer.input_layernorm)
        k, v = key_value(g, d, layer, normed, cos, sin)
        y, _, _ = attend(g, d, query(g, d, layer, normed, cos, sin), k, v, bias, kv)
        states.add(g.linear(y, layer.self_attn.o_proj))
        states.add(feed_forward(g, d, layer, states.normed(layer.post_attention_layernorm)))

    # From here on only the asked positions matter: `at` picks them from [rows * length].
    last = d.layers[-1]
    normed = states.normed(last.input_layernorm)
    k, v = key_value(g, d, last, normed, cos, sin)
    starts = g.op("Mul", g.op("Unsqueeze", g.range(g.dim(ids, 0)), g.const([1])), length)
    at = g.op("Add", query_index, starts)
    pick = [g.op("Gather", g.reshape(table, [-1, d.head_dim // 2]), at, axis=0) for table in (cos, sin)]
    asked = g.op("Gather", g.reshape(normed, [-1, d.hidden]), at, axis=0)
    q = query(g, d, last, asked, *pick)
    keys = g.op("Sub", g.range(total), g.op("Sub", total, length))  # key positions counted from the row's start
    later = g.op("Greater", keys, g.op("Unsqueeze", query_index, g.const([2])))  # [rows, queries, total]
    bias = g.op("Mul", g.op("Cast", later, to=FLOAT), g.const(NEVER, np.float32))
    y, _, _ = attend(g, d, q, k, v, g.op("Unsqueeze", bias, g.const([1])), past[-1])
    y = g.op("Gather", g.reshape(y, [-1, d.heads * d.head_dim]), token_index, axis=0)
    rows = g.op("Gather", g.reshape(at, [-1]), token_index, axis=0)
    states = State(g, g.op("Gather", g.reshape(states.value, [-1, d.hidden]), rows, axis=0))
    states.add(g.linear(y, last.self_attn.o_proj))
    states.add(feed_forward(g, d, last, states.normed(last.post_attention_layernorm)))
    logp = g.op("LogSoftmax", g.linear(states.normed(d.model.norm), d.head), axis=-1)
    chosen = g.op("GatherElements", logp, g.op("Unsqueeze", labels, g.const([1])), axis=1)
    g.output(g.op("Squeeze", g.op("Neg", chosen), g.const([1])), "losses", ["tokens"])


def embed_tokens(g: Graph, d: Decoder) -> None:
    """`input_ids -> inputs_embeds`."""
    ids = g.input("input_ids", ["batch", "length"], INT64)
    x = g.op("Gather", g.weight(d.model.embed_tokens.weight), ids, axis=0)
    g.output(x, "inputs_embeds", ["batch", "length", d.hidden])


class State:
    """The residual stream: what was added last is joined with the next norm, which ONNX Runtime computes in one go."""

    def __init__(self, g: Graph, value: str) -> None:
        self.g = g
        self._value = value
        self._pending: str | None = None
        self._normed: dict[int, str] = {}

    def add(self, delta: str) -> None:
        self._value = self.value
        self._pending = delta
        self._normed = {}

    @property
    def value(self) -> str:
        if self._pending is not None:
            self._value = self.g.op("Add", self._value, self._pending)
            self._pending = None
        return self._value

    def normed(self, norm: nn.Module) -> str:
        if id(norm) in self._normed:
            return self._normed[id(norm)]
        weight, eps = self.g.weight(norm.weight), float(norm.variance_epsilon)
        if self._pending is None:
            y = self.g.op("SimplifiedLayerNormalization", self._value, weight, axis=-1, epsilon=eps)
        else:
            y, _, _, self._value = self.g.ops(
                "SkipSimplifiedLayerNormalization", 4, self._value, self._pending, weight, domain=MS, epsilon=eps
            )
            self._pending = None
        self._normed[id(norm)] = y
        return y


def embedded_inputs(g: Graph, d: Decoder) -> tuple[str, str]:
    """Token embeddings; the id `-1 - i` stands for row `i` of `image_features`."""
    ids = g.input("input_ids", ["batch", "length"], INT64)
    features = g.input("image_features", ["features", d.hidden])
    # A row of zeros in front, so that a batch without images still has something to gather.
    features = g.op("Concat", g.const(np.zeros((1, d.hidden)), np.float32), features, axis=0)
    text = g.op("Gather", g.weight(d.model.embed_tokens.weight), g.op("Max", ids, g.const(0)), axis=0)
    image = g.op("Gather", features, g.op("Max", g.op("Neg", ids), g.const(0)), axis=0)
    is_image = g.op("Unsqueeze", g.op("Less", ids, g.const(0)), g.const([2]))
    return ids, g.op("Where", is_image, image, text)


def past_inputs(g: Graph, d: Decoder, rows: str) -> list[tuple[str, str]]:
    shape = [rows, d.kv_heads, "past", d.head_dim]
    return [
        (g.input(f"past_key_values.{i}.key", shape), g.input(f"past_key_values.{i}.value", shape))
        for i in range(len(d.layers))
    ]


def present_outputs(g: Graph, d: Decoder, layer: int, k: str, v: str) -> None:
    shape = ["batch", d.kv_heads, "total", d.head_dim]
    g.output(k, f"present.{layer}.key", shape)
    g.output(v, f"present.{layer}.value", shape)


def rotary_tables(g: Graph, d: Decoder, positions: str) -> tuple[str, str]:
    """Cosine and sine of position times frequency, `[batch, length, dim / 2]`."""
    rotary = d.model.rotary_emb
    frequencies = g.const(rotary.inv_freq.float().numpy(), np.float32)
    angle = g.op("Mul", g.op("Unsqueeze", g.op("Cast", positions, to=FLOAT), g.const([2])), frequencies)
    scale = float(rotary.attention_scaling)
    tables = (g.op("Cos", angle), g.op("Sin", angle))
    if scale == 1.0:
        return tables
    return g.op("Mul", tables[0], g.const(scale, np.float32)), g.op("Mul", tables[1], g.const(scale, np.float32))


def causal_bias(g: Graph, length: str, total: str) -> str:
    """`[length, total]`: `NEVER` where a key lies after its query. The last query sees every key."""
    past = g.op("Sub", total, length)
    at = g.op("Unsqueeze", g.op("Add", g.range(length), past), g.const([1]))
    later = g.op("Greater", g.range(total), at)
    return g.op("Mul", g.op("Cast", later, to=FLOAT), g.const(NEVER, np.float32))


def rotate(g: Graph, x: str, heads: int, cos: str, sin: str) -> str:
    """Rotary position embedding of `[batch, length, heads * dim]`."""
    return g.op("RotaryEmbedding", x, cos, sin, num_heads=heads)


# Projections and SwiGLU's two halves are products of their own: as fast as one wide product, whose result would have
# to be cut again.
def query(g: Graph, d: Decoder, layer: nn.Module, x: str, cos: str, sin: str) -> str:
    return rotate(g, g.linear(x, layer.self_attn.q_proj), d.heads, cos, sin)


def key_value(g: Graph, d: Decoder, layer: nn.Module, x: str, cos: str, sin: str) -> tuple[str, str]:
    key = rotate(g, g.linear(x, layer.self_attn.k_proj), d.kv_heads, cos, sin)
    return key, g.linear(x, layer.self_attn.v_proj)


def heads_first(g: Graph, d: Decoder, x: str) -> str:
    """A key or value as a cache holds it: `[batch, kv_heads, length, dim]`."""
    return g.op("Transpose", g.reshape(x, [0, 0, d.kv_heads, d.head_dim]), perm=[0, 2, 1, 3])


def attend(
    g: Graph, d: Decoder, q: str, k: str, v: str, bias: str, past: tuple[str, str] = ("", "")
) -> tuple[str, str, str]:
    """Attention over `[batch, length, heads * dim]`, heads side by side, and the keys and values after the past."""
    sizes = dict(q_num_heads=d.heads, kv_num_heads=d.kv_heads, scale=d.head_dim**-0.5)
    y, k, v = g.ops("Attention", 3, q, k, v, bias, *past, **sizes)
    return y, k, v


def feed_forward(g: Graph, d: Decoder, layer: nn.Module, x: str) -> str:
    """SwiGLU: down(act(gate x) * up x)."""
    mlp = layer.mlp
    gate = g.activation(g.linear(x, mlp.gate_proj), d.act)
    return g.linear(g.op("Mul", gate, g.linear(x, mlp.up_proj)), mlp.down_proj)
