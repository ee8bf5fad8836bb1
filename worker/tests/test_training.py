"""The training loop: what a step's gradient is, that a run goes on exactly, and what it refuses."""

import json
import math
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from winnow_worker.data import SampleFile
from winnow_worker.families.components import COMPONENTS, component_of, freeze
from winnow_worker.families.model import Model
from winnow_worker.families.reader import Reader
from winnow_worker.protocol import Cancelled, JobError
from winnow_worker.training.checkpoints import learning, read_index
from winnow_worker.training.trainer import Trainer, noted_rows, run_training

MODEL = Path(__file__).parents[2] / "models" / "micro-vlm"
RECIPE = {"train": ["connector", "language"], "micro_batch": 4, "weight_decay": 0.01, "max_grad_norm": 1.0, "seed": 7,
          "gradient_checkpointing": False, "optimizer_state": True, "save_seconds": 1e9}  # fmt: skip
ANSWERS = ["It is red.", "Blue.", "There are three small green circles in the picture.", "Yes.", "No, none.", "Two."]


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> Path:
    """Rows of uneven length, one without an image, one whose image is gone and one whose image is cut short."""
    folder = tmp_path_factory.mktemp("rows")
    rng = np.random.default_rng(0)
    lines = []
    for i in range(14):
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(folder / f"{i % 5}.png")
        image = [] if i == 3 else [{9: "gone.png", 10: "cut.png"}.get(i, f"{i % 5}.png")]
        content = [*({"type": "image", "image": 0} for _ in image), {"type": "text", "text": f"What is shape {i}?"}]
        answer = {"role": "assistant", "content": [{"type": "text", "text": ANSWERS[i % len(ANSWERS)]}]}
        row = {"row": i, "id": f"s{i}", "messages": [{"role": "user", "content": content}, answer], "images": image}
        lines.append(json.dumps(row) + "\n")
    (folder / "cut.png").write_bytes((folder / "1.png").read_bytes()[:4000])
    (folder / "samples.jsonl").write_text("".join(lines))
    torch.set_num_threads(1)
    return folder


def job(samples: Path, run: Path, steps: list[dict], **recipe) -> dict:
    run.mkdir(parents=True, exist_ok=True)
    (run / "plan.jsonl").write_text("".join(json.dumps(s) + "\n" for s in steps))
    return {"kind": "train", "model": {"path": str(MODEL)}, "media_root": str(samples), "device": "cpu",
            "samples": str(samples / "samples.jsonl"), "plan": str(run / "plan.jsonl"), "dtype": "float32",
            "threads": 1, "folder": str(run), "recipe": RECIPE | recipe}  # fmt: skip


def plan(count: int, checkpoints: dict[int, int]) -> list[dict]:
    steps = []
    for n in range(1, count + 1):
        places = [(3 * n + i) % 14 for i in range(5)]
        step = {"step": n, "rate": 1e-3 / n, "micro": [places[:4], places[4:]]}
        steps.append(step | ({"checkpoint": checkpoints[n], "meanRate": 1e-3} if n in checkpoints else {}))
    return steps


def trainer(samples: Path, run: Path, **recipe) -> Trainer:
    model = Model(MODEL, Reader(MODEL, samples), "cpu", torch.float32)
    freeze(model.net, "llava", (RECIPE | recipe)["train"])
    run.mkdir(parents=True, exist_ok=True)
    return Trainer(model, RECIPE | recipe, SampleFile(samples / "samples.jsonl"), run, torch.float32)


def weights(run: Path, step: int) -> dict[str, torch.Tensor]:
    return load_file(run / f"checkpoint-{step}" / "model.safetensors")


def test_gradient_does_not_depend_on_micro_batches(samples, tmp_path):
    places = [0, 1, 2, 3, 4, 5, 6, 7]
    found = []
    for micro, fits in (([places], 8), ([places[:4], places[4:]], 8), ([[i] for i in places], 8), ([places], 3)):
        t = trainer(samples, tmp_path, micro_batch=fits)
        loss, tokens = t.gradients(t.read(micro))
        found.append((loss, tokens, {n: p.grad.clone() for n, p in learning(t.model.net)}))
    for loss, tokens, gradients in found[1:]:
        assert tokens == found[0][1]
        assert loss == pytest.approx(found[0][0], abs=1e-5)
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, found[0][2][name], atol=1e-5, rtol=1e-4)


def test_loss_is_that_of_transformers(samples, tmp_path):
    """Row by row: labels on the answer alone, the mean over its tokens times their number."""
    t = trainer(samples, tmp_path)
    rows = t.read([[0, 2, 5]])[0]
    total = 0.0
    for sample, encoded in rows:
        labels = torch.full((1, len(encoded.ids)), -100)
        labels[0, encoded.scored] = torch.from_numpy(encoded.ids[encoded.scored])
        pixels = t.model.reader.picture(sample.images[0]).pixels
        out = t.model.net(input_ids=torch.from_numpy(encoded.ids)[None], labels=labels, **pixels)
        total += float(out.loss.detach()) * len(encoded.scored)
    assert float(t.nll(rows)) == pytest.approx(total, rel=1e-5)


def test_frozen_parts_stay_as_they_are(samples, tmp_path):
    run_training(job(samples, tmp_path / "run", plan(2, {2: 1})), False)
    before, after = load_file(MODEL / "model.safetensors"), weights(tmp_path / "run", 2)
    for name, value in after.items():
        moved = not torch.equal(value, before[name].float())
        assert moved or component_of("llava", name) == "vision" or "embed" in name, name
        assert not moved or component_of("llava", name) != "vision", name


def test_goes_on_exactly(samples, tmp_path):
    """Six steps in one go, and three, a stop, three: the same bytes."""
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    steps = plan(6, {2: 1, 4: 2, 6: 3})
    run_training(job(samples, straight, steps), False)
    real, taken = Trainer.step, []

    def stopping(self, step, *rest):
        bad = real(self, step, *rest)
        taken.append(step["step"])
        if len(taken) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return bad

    handlers = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        Trainer.step = stopping
        with pytest.raises(Cancelled):
            run_training(job(samples, broken, steps), False)
        run_training(job(samples, broken, steps), False)
    finally:
        Trainer.step = real
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert taken == [1, 2, 3, 4, 5, 6]
    assert read_index(broken) == read_index(straight)
    for step in (2, 4, 6):
        for name in ("model", "optimizer"):
            files = [run / f"checkpoint-{step}" / f"{name}.safetensors" for run in (straight, broken)]
            assert files[0].read_bytes() == files[1].read_bytes()
    assert not list(broken.glob("resume-*"))
    skipped = [json.loads(line) for line in (straight / "skipped.jsonl").read_text().splitlines()]
    assert {s["id"]: s["code"] for s in skipped} == {"s9": "IMAGE_MISSING", "s10": "IMAGE_UNREADABLE"}


def test_ends_where_no_row_can_be_read(samples, tmp_path):
    unreadable = [{"step": n, "rate": 1e-3, "micro": [[9, 10]]} for n in (1, 2)]
    with pytest.raises(JobError, match=r"none of the first 2 rows can be read, the last s10: .*cut\.png"):
        run_training(job(samples, tmp_path / "run", unreadable), False)


def test_rows_without_an_image_teach_a_connector_nothing_and_stop_nothing(samples, tmp_path):
    one = trainer(samples, tmp_path / "r", train=["connector"], micro_batch=1)
    loss, tokens = one.gradients(one.read([[3], [4]]))
    alone, of = one.gradients(one.read([[3]]))
    assert alone > 0 and all(p.grad is None for _, p in learning(one.model.net))
    other, rest = one.gradients(one.read([[4]]))
    assert tokens == of + rest and loss == pytest.approx((alone * of + other * rest) / tokens, rel=1e-5)


def test_rows_set_aside_are_noted_once_however_often_a_run_is_taken_up(tmp_path):
    lines = [json.dumps({"row": i, "id": f"s{i}"}) + "\n" for i in range(2)]
    (tmp_path / "skipped.jsonl").write_text("".join(lines) + '{"row": 2, "i')
    assert noted_rows(tmp_path / "skipped.jsonl", anew=False) == {"s0", "s1"}
    assert (tmp_path / "skipped.jsonl").read_text() == "".join(lines)
    assert noted_rows(tmp_path / "skipped.jsonl", anew=True) == set()
    assert not (tmp_path / "skipped.jsonl").exists()


def test_halves_what_does_not_fit(samples, tmp_path, monkeypatch):
    t = trainer(samples, tmp_path, micro_batch=8)
    real, sizes = Trainer.nll, []

    def small(self, rows):
        sizes.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError("no room")
        return real(self, rows)

    monkeypatch.setattr(Trainer, "nll", small)
    loss, _ = t.gradients(t.read([[0, 1, 2, 3, 4, 5]]))
    assert sizes == [6, 4, 2, 2, 2]
    assert math.isfinite(loss)


def test_ends_where_the_loss_is_no_number(samples, tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "losses", lambda self, x, y: x.sum() * math.nan)
    with pytest.raises(JobError) as raised:
        run_training(job(samples, tmp_path / "run", plan(5, {5: 1})), False)
    assert raised.value.exit_code == 5
    assert "step" in str(raised.value)


NAMES = {
    "llava": ["model.vision_tower.a.weight", "model.multi_modal_projector.linear_1.weight",
              "model.language_model.layers.0.mlp.up_proj.weight"],
    "qwen3_vl": ["model.visual.blocks.0.attn.qkv.weight", "model.visual.deepstack_merger_list.0.norm.weight",
                 "model.language_model.norm.weight"],
    "qwen2_vl": ["model.visual.patch_embed.proj.weight", "model.visual.merger.mlp.0.weight", "lm_head.weight"],
    "smolvlm": ["model.vision_model.encoder.layers.0.mlp.fc1.weight", "model.connector.modality_projection.proj.weight",
                "model.text_model.embed_tokens.weight"],
}  # fmt: skip


@pytest.mark.parametrize("model_type", NAMES)
def test_components(model_type):
    assert [component_of(model_type, name) for name in NAMES[model_type]] == list(COMPONENTS)
    with pytest.raises(KeyError):
        component_of(model_type, "model.something.weight")
