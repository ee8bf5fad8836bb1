"""Gradients of each row's response loss, all rows of a batch in one backward pass, projected at random.

Of a linear layer only what goes in, x, and the gradient at what comes out, d, are taken; each row's gradient of the
weight is d^T x, and of LoRA's halves s B^T d^T x and s d^T x A^T. Rows of a batch don't see each other, so that one
backward pass over the sum of their losses gives d for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from ..families.adapters import Adapter
from ..families.model import Model
from ..protocol import BAD_JOB, JobError
from ..sequences import Sequence, labels_of
from ..shards import Column
from .base import Observer, Signal
from .engine import ForwardResults
from .observers import known_layers
from .optimizer_state import adam_direction, read_moments
from .projection import Projection, philox_words

PENDING_BYTES = 1 << 29


@dataclass
class Target:
    """A linear layer whose gradient is taken; `adapter` is None where its own weight is trained."""

    name: str
    layer: int
    module: torch.nn.Linear
    adapter: Adapter | None


@dataclass
class RowGradient:
    """Of one row: the length of its whole gradient, and the projected gradient of each group of layers."""

    norm: float
    vectors: dict[str, np.ndarray]


@dataclass
class Pending:
    """Gradients (rows, length) by parameter that wait for their projection, and where the results go."""

    rows: list[RowGradient] = field(default_factory=list)
    batches: list[dict[str, torch.Tensor]] = field(default_factory=list)
    bytes: int = 0


def fresh_adapter(module: torch.nn.Linear, name: str, rank: int, seed: int) -> Adapter:
    """LoRA before its first step: A uniform within 1 / sqrt(in) (PEFT's rule, with seeded draws), B zero, scale 1."""
    size = rank * module.in_features
    words = philox_words(seed, f"lora/{name}", 0, -(-size // 4), module.weight.device)[:size]
    a = ((words.double() + 0.5) / 2**31 - 1).float().reshape(rank, module.in_features) / module.in_features**0.5
    return Adapter(a, torch.zeros(module.out_features, rank, device=a.device), 1.0)


def find_targets(model: Model, params: dict) -> list[Target]:
    """The layers of the language model that the job names, with the adapters of the checkpoint, else of the seed."""
    prefix = next(name for name, module in model.net.named_modules() if module is model.layers)
    kind = params["parameters"]
    if kind == "auto":
        kind = "lora" if model.adapters.layers or not read_moments(model.folder) else "weights"
    found, other = [], set()
    for number, layer in enumerate(model.layers):
        for name, module in layer.named_modules():
            if not isinstance(module, torch.nn.Linear):
                continue
            full, last = f"{prefix}.{number}.{name}", name.rsplit(".", 1)[-1]
            if model.adapters.layers and kind == "lora":
                adapter = model.adapters.layers.get(full)
                wanted = adapter is not None
            else:
                wanted = last in params["targets"]
                adapter = fresh_adapter(module, full, params["rank"], params["seed"]) if wanted else None
            if wanted:
                found.append(Target(full, number, module, adapter if kind == "lora" else None))
            other.add(last)
    if not found:
        known = ", ".join(sorted(other)) or "no linear layers"
        raise JobError(BAD_JOB, "TARGETS_UNKNOWN", f"no layer is named {params['targets']}; the model has {known}")
    return found


def parameter_gradients(target: Target, x: torch.Tensor, d: torch.Tensor) -> dict[str, torch.Tensor]:
    """Each row's gradient by parameter, (rows, length), from inputs (rows, L, in) and gradients at outputs."""
    x, d = x.float(), d.float()
    if target.adapter is None:
        return {f"{target.name}.weight": torch.einsum("blo,bli->boi", d, x).flatten(1)}
    a, b, s = target.adapter.a, target.adapter.b, target.adapter.scale
    return {
        f"{target.name}.lora_A.weight": torch.einsum("blr,bli->bri", s * (d @ b), x).flatten(1),
        f"{target.name}.lora_B.weight": torch.einsum("blo,blr->bor", s * d, x @ a.T).flatten(1),
    }


class GradientObserver(Observer):
    """One `RowGradient` a row. `groups`: which layers (number, of how many) belong to which vector."""

    differentiates = True

    def __init__(self, params: dict, groups: dict[str, Callable[[int, int], bool]]) -> None:
        self.params, self.groups = params, groups

    def start(self, model: Model) -> None:
        self.model = model
        model.net.requires_grad_(False)
        known_layers(model, self.params["layers"])
        self.targets = find_targets(model, self.params)
        self.moments = self._moments() if self.params["gradient"] == "adam" else None
        self.projection = Projection(self.params["dims"], self.params["projection"], self.params["seed"], model.device)
        self.pending = Pending()
        self.passed: list[tuple[Target, torch.Tensor, torch.Tensor]] = []
        self.handles = [t.module.register_forward_hook(self._keeper(t)) for t in self.targets]
        # A pass that ran out of memory leaves what it kept until then.
        self.handles.append(model.inner.register_forward_pre_hook(lambda *_: self.passed.clear()))

    def _moments(self) -> dict[str, dict[str, torch.Tensor]]:
        moments = read_moments(self.model.folder)
        for target in self.targets:
            halves = ["weight"] if target.adapter is None else ["lora_A.weight", "lora_B.weight"]
            for half in halves:
                if f"{target.name}.{half}" not in moments.get("exp_avg", {}):
                    raise JobError(
                        BAD_JOB,
                        "OPTIMIZER_STATE_MISSING",
                        f"{self.model.folder} holds no Adam moments of {target.name}.{half}: train a proxy and score "
                        "its checkpoints, or ask for the gradient sgd",
                    )
        return moments

    def _keeper(self, target: Target) -> Callable:
        def keep(_module: torch.nn.Module, inputs: tuple, output: torch.Tensor) -> torch.Tensor:
            if not output.requires_grad:
                output.requires_grad_()
            self.passed.append((target, inputs[0].detach(), output))
            return output

        return keep

    def observe(self, batch: list[Sequence], states: torch.Tensor) -> list[RowGradient]:
        passed, self.passed = self.passed, []
        deltas = torch.autograd.grad(self._loss(batch, states), [y for _, _, y in passed], retain_graph=True)
        found: dict[str, torch.Tensor] = {}
        with torch.no_grad():
            for (target, x, _), d in zip(passed, deltas, strict=True):
                for name, g in parameter_gradients(target, x, d).items():
                    found[name] = found[name] + g if name in found else g
            squares = sum(g.double().square().sum(1) for g in found.values())
        rows = [RowGradient(float(s) ** 0.5, {}) for s in squares.cpu()]
        self._queue(found, rows)
        return rows

    def _loss(self, batch: list[Sequence], states: torch.Tensor) -> torch.Tensor:
        """The sum over rows of the mean loss of their response tokens."""
        labels = labels_of(batch, states.device)
        share = torch.tensor(np.concatenate([np.full(len(s.queries), 1 / len(s.queries)) for s in batch]))
        logits = self.model.logits(states[labels.row, labels.at])
        nll = torch.nn.functional.cross_entropy(logits, labels.ids, reduction="none")
        return (nll * share.to(nll)).sum()

    def _queue(self, found: dict[str, torch.Tensor], rows: list[RowGradient]) -> None:
        size = sum(g.numel() * g.element_size() for g in found.values())
        if self.pending.bytes + size > PENDING_BYTES:
            self._flush()
        self.pending.rows += rows
        self.pending.batches.append(found)
        self.pending.bytes += size

    @torch.no_grad()
    def _flush(self) -> None:
        """Project what waits: a matrix is drawn once for as many rows as fit."""
        waiting, self.pending = self.pending, Pending()
        if not waiting.rows:
            return
        layer_of = {t.name: t.layer for t in self.targets}
        names = list(waiting.batches[0])
        for group, takes in self.groups.items():
            total = torch.zeros(len(waiting.rows), self.projection.dims, device=self.projection.device)
            for name in names:
                owner = name.removesuffix(".weight").removesuffix(".lora_A").removesuffix(".lora_B")
                if not takes(layer_of[owner], len(self.model.layers)):
                    continue
                g = torch.cat([b[name] for b in waiting.batches])
                if self.moments is not None:
                    m, v = (self.moments[k][name].to(g.device) for k in ("exp_avg", "exp_avg_sq"))
                    g = adam_direction(g, m, v)
                total += self.projection.project({name: g}, len(waiting.rows))
            for row, vector in zip(waiting.rows, total.cpu().numpy(), strict=True):
                row.vectors[group] = vector

    def is_finite(self, result: RowGradient | None) -> bool:
        return result is None or bool(np.isfinite(result.norm))

    def stop(self) -> None:
        self._flush()
        self.passed = []
        for handle in self.handles:
            handle.remove()


def vectors(rows: list[RowGradient | None], group: str, dims: int) -> Column:
    nothing = np.full(dims, np.nan, dtype=np.float32)
    return Column("f16", dims, np.stack([nothing if r is None else r.vectors[group] for r in rows]))


class Gradients(Signal):
    """`gradient_c` at checkpoint c, or `gradient_c_layer_l` for each layer that is named (LESS, ICONS, DataInf)."""

    name = "gradients"

    def __init__(self, params: dict) -> None:
        super().__init__(params)
        name = f"gradient_{params['checkpoint'] + 1}"
        self.dims = params["dims"]
        layers = params["layers"]
        self.observer = GradientObserver(
            params,
            {f"{name}_layer_{n}": lambda layer, _, n=n: layer == n for n in layers} or {name: lambda *_: True},
        )

    def columns(self, results: ForwardResults, model: Model) -> dict[str, Column]:
        rows = self.observed(results)
        return {group: vectors(rows, group, self.dims) for group in self.observer.groups}


class LastGradient(Signal):
    """`gradient_last`, of the last layer, and `gradient_norm`, the length of the gradient of all layers (TIVE)."""

    name = "last-gradient"

    def __init__(self, params: dict) -> None:
        super().__init__(params)
        self.dims = params["dims"]
        plain = params | {"layers": [], "gradient": "sgd"}
        self.observer = GradientObserver(plain, {"last": lambda layer, of: layer == of - 1})

    def columns(self, results: ForwardResults, model: Model) -> dict[str, Column]:
        rows = self.observed(results)
        norms = np.array([np.nan if r is None else r.norm for r in rows], dtype=np.float32)
        return {"gradient_last": vectors(rows, "last", self.dims), "gradient_norm": Column("f32", 1, norms)}
