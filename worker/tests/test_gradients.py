"""Gradients: those of a batch are what plain autograd gives one row at a time, in every family, to 1e-4 in fp32."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from plain import Plain
from safetensors.torch import save_file
from test_families import samples
from tiny import FAMILIES, make, write_images

from winnow_worker.families.adapters import Adapter, attach_adapters, read_adapters
from winnow_worker.families.model import Model
from winnow_worker.families.reader import Reader
from winnow_worker.protocol import JobError
from winnow_worker.signals.engine import Engine
from winnow_worker.signals.gradients import GradientObserver, RowGradient, find_targets
from winnow_worker.signals.optimizer_state import adam_direction, plain_name, read_moments
from winnow_worker.signals.projection import Projection

PARAMS = {"parameters": "lora", "rank": 3, "targets": ["q_proj", "v_proj", "down_proj"], "dims": 200,
          "projection": "rademacher", "seed": 7, "layers": [], "gradient": "sgd"}  # fmt: skip
GROUPS = {"all": lambda *_: True, "last": lambda layer, of: layer == of - 1}


class Lora(torch.nn.Module):
    """A layer with an adapter beside it, as PEFT computes it."""

    def __init__(self, base: torch.nn.Module, adapter: Adapter) -> None:
        super().__init__()
        self.base, self.scale = base, adapter.scale
        self.a, self.b = (torch.nn.Parameter(t.clone()) for t in (adapter.a, adapter.b))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + self.scale * (x @ self.a.T) @ self.b.T


class Place:
    """A tiny model in the worker and by itself."""

    def __init__(self, family: str, folder: Path) -> None:
        self.root, self.folder = folder, make(family, folder / family)
        self.rows = samples(family, write_images(folder))[:7]

    def model(self) -> Model:
        return Model(self.folder, Reader(self.folder, self.root))

    def plain(self) -> Plain:
        return Plain(self.folder, self.root)


@pytest.fixture(scope="module", params=FAMILIES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    torch.set_num_threads(1)
    return Place(request.param, tmp_path_factory.mktemp("gradients"))


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place("llava", tmp_path_factory.mktemp("llava"))


def measured(model: Model, place: Place, params: dict, batch: int = 3) -> list[RowGradient]:
    observer = GradientObserver(params, GROUPS)
    reading = Engine(model, batch).read(place.rows, [], [observer], False)
    failed = reading.lost()
    assert not failed, {k: e.reason for k, e in failed.items()}
    return reading.observed[observer.name]


def write_adapters(folder: Path, model: Model, rank: int = 2) -> None:
    """PEFT's files, for the query layers and one other."""
    generator = torch.Generator().manual_seed(5)
    tensors = {}
    for target in find_targets(model, PARAMS | {"targets": ["q_proj"]}):
        m = target.module
        for half, shape in (("A", (rank, m.in_features)), ("B", (m.out_features, rank))):
            key = f"base_model.model.{target.name}.lora_{half}.weight"
            tensors[key] = 0.3 * torch.randn(shape, generator=generator)
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": rank, "lora_alpha": 6}))


def plain_gradients(plain: Plain, sample, named: dict[str, torch.nn.Parameter]) -> dict[str, torch.Tensor]:
    full, trained = plain.inputs(sample, sample.messages)
    logits = plain.net(**full, use_cache=False).logits[0].float()
    ids = full["input_ids"][0]
    at = torch.tensor([t for t in trained if t > 0])
    loss = torch.nn.functional.cross_entropy(logits[at - 1], ids[at])
    found = torch.autograd.grad(loss, list(named.values()))
    return {name: g.flatten()[None] for name, g in zip(named, found, strict=True)}


def check(rows: list[RowGradient], expected: list[dict[str, torch.Tensor]], last: str) -> None:
    projection = Projection(PARAMS["dims"], PARAMS["projection"], PARAMS["seed"])
    for row, g in zip(rows, expected, strict=True):
        whole = torch.cat([v[0] for v in g.values()])
        assert row.norm == pytest.approx(whole.norm().item(), rel=1e-4)
        for group, kept in (("all", g), ("last", {k: v for k, v in g.items() if last in k})):
            wanted = projection.project(kept, 1)[0].numpy()
            assert np.abs(row.vectors[group] - wanted).max() <= 1e-4 * np.abs(wanted).max()


def test_adapters_get_the_gradients_of_plain_autograd(place: Place) -> None:
    model, folder = place.model(), place.folder.parent / f"adapter-{place.folder.name}"
    write_adapters(folder, model)
    model.adapters = read_adapters(folder)
    attach_adapters(model.net, model.adapters, folder)
    plain = place.plain()
    plain.net.requires_grad_(False)
    layers = {name: Lora(plain.net.get_submodule(name), adapter) for name, adapter in model.adapters.layers.items()}
    for name, layer in layers.items():
        plain.net.set_submodule(name, layer)
    named = {f"{n}.lora_{h}.weight": p for n, lora in layers.items() for h, p in (("A", lora.a), ("B", lora.b))}
    expected = [plain_gradients(plain, s, named) for s in place.rows]
    assert all(any(v.abs().max() > 0 for k, v in g.items() if "lora_A" in k) for g in expected)
    check(measured(model, place, PARAMS), expected, f"layers.{len(model.layers) - 1}.")


def test_weights_get_the_gradients_of_plain_autograd(place: Place) -> None:
    model, plain = place.model(), place.plain()
    params = PARAMS | {"parameters": "weights"}
    names = [t.name for t in find_targets(model, params)]
    assert len(names) == 3 * len(model.layers)
    named = {f"{n}.weight": plain.net.get_submodule(n).weight for n in names}
    expected = [plain_gradients(plain, s, named) for s in place.rows]
    check(measured(model, place, params), expected, f"layers.{len(model.layers) - 1}.")


def test_fresh_adapters_are_seeded_and_batches_change_nothing(llava: Place) -> None:
    model = llava.model()
    first, again = measured(model, llava, PARAMS), measured(model, llava, PARAMS, batch=7)
    other = measured(model, llava, PARAMS | {"seed": 8})
    for a, b, c in zip(first, again, other, strict=True):
        scale = np.abs(a.vectors["all"]).max()
        assert np.abs(a.vectors["all"] - b.vectors["all"]).max() <= 1e-4 * scale
        assert np.abs(a.vectors["all"] - c.vectors["all"]).max() > 0.1 * scale


def test_a_pass_that_runs_out_of_memory_leaves_nothing_behind(llava: Place) -> None:
    model = llava.model()
    expected, states = measured(model, llava, PARAMS), model.states

    def short(batch):
        found = states(batch)
        if len(batch) > 2:
            raise torch.OutOfMemoryError("can't allocate memory")
        return found

    model.states = short
    for a, b in zip(measured(model, llava, PARAMS, batch=7), expected, strict=True):
        assert np.abs(a.vectors["all"] - b.vectors["all"]).max() <= 1e-4 * np.abs(b.vectors["all"]).max()


def test_adam_is_less_feature_without_bias_correction() -> None:
    g, m, v = torch.tensor([[0.5, -2.0], [0.0, 1.0]]), torch.tensor([0.1, 0.2]), torch.tensor([0.04, 0.0])
    found = adam_direction(g, m, v)
    assert found[0, 0].item() == pytest.approx((0.9 * 0.1 + 0.1 * 0.5) / (0.999 * 0.04 + 0.001 * 0.25 + 1e-8) ** 0.5)
    assert found[1, 0].item() == pytest.approx(0.09 / (0.03996 + 1e-8) ** 0.5)
    assert torch.equal(found[1:], adam_direction(g[1:], m, v))
    assert plain_name("base_model.model.x.q_proj.lora_A.default.weight") == "x.q_proj.lora_A.weight"


def test_adam_takes_the_moments_of_the_checkpoint(llava: Place) -> None:
    params = PARAMS | {"parameters": "auto"}
    model = llava.model()
    with pytest.raises(JobError, match="no Adam moments"):
        measured(model, llava, params | {"gradient": "adam"})
    moments, generator = {}, torch.Generator().manual_seed(2)
    for target in find_targets(model, params):
        shape = target.module.weight.shape
        moments[f"exp_avg.{target.name}.weight"] = torch.randn(shape, generator=generator) * 0.01
        moments[f"exp_avg_sq.{target.name}.weight"] = torch.rand(shape, generator=generator) * 1e-4
    save_file(moments, llava.folder / "optimizer.safetensors")
    read_moments.cache_clear()
    assert all(t.adapter is None for t in find_targets(model, params))
    plain = llava.plain()
    named = {t.name + ".weight": plain.net.get_submodule(t.name).weight for t in find_targets(model, params)}
    projection = Projection(PARAMS["dims"], PARAMS["projection"], PARAMS["seed"])
    for row, sample in zip(measured(model, llava, params | {"gradient": "adam"}), llava.rows, strict=True):
        g = plain_gradients(plain, sample, named)
        steps = {}
        for name, one in g.items():
            m, v = (moments[f"{k}.{name}"].flatten() for k in ("exp_avg", "exp_avg_sq"))
            steps[name] = (0.9 * m + 0.1 * one) / torch.sqrt(0.999 * v + 0.001 * one**2 + 1e-8)
        wanted = projection.project(steps, 1)[0].numpy()
        assert np.abs(row.vectors["all"] - wanted).max() <= 1e-4 * np.abs(wanted).max()
        norm = torch.cat([v[0] for v in g.values()]).norm()
        assert row.norm == pytest.approx(norm.item(), rel=1e-4)


def test_what_fits_no_layer_is_refused(llava: Place, tmp_path: Path) -> None:
    model = llava.model()
    with pytest.raises(JobError, match="the model has .*q_proj"):
        find_targets(model, PARAMS | {"targets": ["qkv"]})
    write_adapters(tmp_path / "a", model)
    read = read_adapters(tmp_path / "a")
    read.layers["model.elsewhere"] = read.layers.popitem()[1]
    with pytest.raises(JobError, match="the model has no layer"):
        attach_adapters(model.net, read, tmp_path)
