"""Speed of the worker's signals against the published procedures and against batched `transformers`.

    worker/.venv/bin/python bench/worker_speed.py [--rows 96] [--runs 5] [--threads 2]
    worker/.venv/bin/python bench/worker_speed.py --shape llava-1.5-7b --device cuda --dtype bfloat16 --rows 256

VisNec: losses with the image and without it (one masked slot in its place). Official: one row at a time, two full
passes with logits at every position. Batched: padded batches by the processor, two passes. XMAS: the five singular
values. Official: square maps K Q^T of every layer in padded batches of 8, then a sketch of rank 5; `svd`: the same with
all singular values. Every contestant reads the same files, renders and decodes everything itself and starts from an
empty cache; they take turns. Where answers are is given to the others and found by the worker. `--clock cpu` counts
processor time in place of wall time, which a busy machine leaves alone (take `--threads 1` with it).

`--shape llava-1.5-7b` has that model's shape with random weights, generated pictures and texts of the length of
LLaVA-665K's rows; it says what share of the device's peak the floating-point operations of the model make (`--peak`, in
TFLOP/s) and how long 665,298 rows would take at the measured rate.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "worker"))

from winnow_worker.data import Sample  # noqa: E402
from winnow_worker.families.model import Model  # noqa: E402
from winnow_worker.families.reader import Reader  # noqa: E402
from winnow_worker.signals.attention import CrossAttention  # noqa: E402
from winnow_worker.signals.engine import Engine  # noqa: E402

LLAVA_ROWS = 665_298
PUBLISHED_HOURS = {"visnec": 12, "xmas": 36}


def shape_rows(count: int, distinct: bool) -> tuple[Path, list[Sample]]:
    """Rows of the example data set with an image: all rows of some of its images, or one row of every image."""
    folder, rows = ROOT / "examples" / "shapes", {}
    for line in (folder / "shapes.json").read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line.strip().rstrip(","))
            image, turns = record["image"], record["conversations"]
            messages = [said(t["from"], t["value"]) for t in turns]
            if [m["role"] for m in messages] != ["user", "assistant"] * (len(messages) // 2) or not messages:
                continue
            Image.open(folder / image).verify()
        except (ValueError, KeyError, TypeError, OSError):
            continue
        rows.setdefault(image, []).append(Sample(0, record["id"], messages, [image]))
    kept = [row for group in rows.values() for row in (group[:1] if distinct else group)][:count]
    return folder, kept


def said(who: str, text: str) -> dict:
    parts = [{"type": "text", "text": text.replace("<image>", "").strip()}]
    if "<image>" in text:
        parts.insert(0, {"type": "image", "image": 0})
    return {"role": {"human": "user", "gpt": "assistant"}[who], "content": parts}


def llava_folder(folder: Path, dtype: torch.dtype) -> Path:
    """A model of LLaVA-1.5-7B's shape with random weights; the micro model's tokenizer, whose ids all occur in it."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    text = LlamaConfig(
        vocab_size=32064, hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, num_attention_heads=32,
        num_key_value_heads=32, max_position_embeddings=4096, pad_token_id=0,
    )  # fmt: skip
    sight = CLIPVisionConfig(
        hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, image_size=336,
        patch_size=14, projection_dim=768,
    )  # fmt: skip
    config = LlavaConfig(vision_config=sight, text_config=text, image_token_index=3, vision_feature_layer=-2)
    torch.set_default_dtype(dtype)
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    torch.set_default_dtype(torch.float32)
    micro = ROOT / "models" / "micro-vlm"
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(micro / name, folder / name)
    processor = json.loads((micro / "processor_config.json").read_text())
    size = {"height": 336, "width": 336}
    processor["patch_size"], processor["image_processor"]["size"] = 14, size
    processor["image_processor"]["crop_size"] = size
    (folder / "processor_config.json").write_text(json.dumps(processor))
    return folder


def long_rows(folder: Path, count: int) -> list[Sample]:
    """Pictures of 640 x 480 and texts of about 200 tokens, of which 60 are answers, log-normal like LLaVA-665K's."""
    rng = np.random.default_rng(0)
    words = "the picture shows a red circle left of two blue squares and nothing else is in it".split()
    rows = []
    for i in range(count):
        noise = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((640, 480)).save(folder / f"{i}.jpg")
        asked, told = (max(4, int(rng.lognormal(mean, 0.6))) for mean in (4.2, 3.4))
        texts = [" ".join(rng.choice(words, n)) for n in (asked, told)]
        messages = [said("human", f"<image>\n{texts[0]}"), said("gpt", texts[1])]
        rows.append(Sample(i, str(i), messages, [f"{i}.jpg"]))
    return rows


class Plain:
    """What the contestants share that don't use the worker: a model, a processor, and rows as text."""

    def __init__(self, model: Model, folder: Path, rows: list[Sample]) -> None:
        self.net, self.reader, self.folder, self.rows = model.net, model.reader, folder, rows
        self.device, self.dtype = model.device, model.dtype
        self.encoded = [model.reader.encode(s) for s in rows]  # where answers are, for the labels of all alike

    def batch(self, rows: list[int], image: bool) -> tuple[dict, torch.Tensor]:
        """Inputs and labels of some rows; without the image one masked slot stands in its place."""
        tokenizer = self.reader.tokenizer
        tokenizer.padding_side = "right"
        if image:
            pictures = [[Image.open(self.folder / self.rows[i].images[0]).convert("RGB")] for i in rows]
            render = self.reader.processor.apply_chat_template
            texts = [render(self.rows[i].messages, tokenize=False) for i in rows]
            out = dict(self.reader.processor(text=texts, images=pictures, padding=True, return_tensors="pt"))
            out["pixel_values"] = out["pixel_values"].to(self.device, self.dtype)
            ids = [self.encoded[i].ids for i in rows]
            trained = [self.encoded[i].trained for i in rows]
        else:
            ids, trained = zip(*(self.blind(i) for i in rows), strict=True)
            longest = max(len(x) for x in ids)
            padded = np.zeros((len(rows), longest), dtype=np.int64)
            for r, x in enumerate(ids):
                padded[r, : len(x)] = x
            tensor = torch.from_numpy(padded)
            out = {"input_ids": tensor, "attention_mask": (tensor != 0).long()}
        labels = torch.full(out["input_ids"].shape, -100)
        for r, (x, mask) in enumerate(zip(ids, trained, strict=True)):
            at = torch.from_numpy(np.flatnonzero(mask))
            labels[r, at] = torch.from_numpy(np.asarray(x)[mask])
        moved = {k: v.to(self.device) for k, v in out.items() if isinstance(v, torch.Tensor)}
        return moved, labels.to(self.device)

    def blind(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        e = self.encoded[i]
        start, end = e.blocks[0]
        ids = np.concatenate([e.ids[:start], [0], e.ids[end:]])
        return ids, np.concatenate([e.trained[:start], [False], e.trained[end:]])

    @torch.inference_mode()
    def losses(self, rows: list[int], image: bool) -> list[float]:
        """Mean loss of each row's answer, from logits at every position."""
        inputs, labels = self.batch(rows, image)
        mask = inputs["attention_mask"]
        places = torch.arange(mask.shape[1], device=mask.device)[None].expand_as(mask)
        logits = self.net(**inputs, position_ids=places, use_cache=False).logits.float()
        each = torch.nn.functional.cross_entropy(
            logits[:, :-1].transpose(1, 2), labels[:, 1:], ignore_index=-100, reduction="none"
        )
        return (each.sum(1) / (labels[:, 1:] != -100).sum(1)).tolist()

    def visnec(self, size: int) -> np.ndarray:
        found = []
        for start in range(0, len(self.rows), size):
            rows = list(range(start, min(start + size, len(self.rows))))
            seen, blind = self.losses(rows, True), self.losses(rows, False)
            found += zip(seen, blind, strict=True)
        return np.array(found)

    @torch.inference_mode()
    def xmas(self, exact: bool, size: int = 8) -> np.ndarray:
        """Square maps of every layer, summed, cut, decomposed: one row of the padded batch at a time."""
        kept: list[torch.Tensor] = []
        layers = self.net.model.language_model.layers
        hooks = [
            getattr(layer.self_attn, name).register_forward_hook(lambda _m, _i, out: kept.append(out))
            for layer in layers for name in ("q_proj", "k_proj")
        ]  # fmt: skip
        found = []
        for start in range(0, len(self.rows), size):
            rows = list(range(start, min(start + size, len(self.rows))))
            inputs, _ = self.batch(rows, True)
            self.net.model(**inputs, use_cache=False)
            total: torch.Tensor | float = 0.0
            for q, k in zip(kept[::2], kept[1::2], strict=True):
                total = total + torch.softmax(k.float() @ q.float().transpose(1, 2) / q.shape[-1] ** 0.5, dim=-1)
            kept.clear()
            first, last = self.encoded[rows[0]].blocks[0]
            for r in range(len(rows)):
                block = total[r, last + 1 :, first:last]
                if exact:
                    found.append(torch.linalg.svdvals(block)[:5].tolist())
                else:
                    found.append(torch.svd_lowrank(block, q=min(5, *block.shape), niter=2)[1].tolist())
        for hook in hooks:
            hook.remove()
        return np.array([row + [0.0] * (5 - len(row)) for row in found])


def worker(model: Model, rows: list[Sample], batch: int, what: str) -> np.ndarray:
    """The worker's own way, from an empty cache."""
    model.cache.clear()
    model.cached_bytes = 0
    model.reader.cache.clear()
    model.reader.places.clear()
    model.reader.sizes.clear()
    if what == "visnec":
        reading = Engine(model, batch).read(rows, ["image", "drop"], [], False)
        return np.array([[reading.tokens[n][i].mean for n in ("image", "drop")] for i in range(len(rows))])
    observer = CrossAttention("all")
    reading = Engine(model, batch).read(rows, [], [observer], False)
    return np.array(reading.seen[id(observer)])


def contest(name: str, runners: dict, rows: int, options: argparse.Namespace, sync) -> dict[str, list[float]]:
    """Rows a second of each contestant, in turn, after one untimed turn."""
    runs, clock = options.runs, time.process_time if options.clock == "cpu" else time.perf_counter
    rates: dict[str, list[float]] = {k: [] for k in runners}
    for turn in range(runs + 1):
        for key, run in runners.items():
            started = clock()
            run()
            sync()
            if turn:
                rates[key].append(rows / (clock() - started))
    print(f"\n{name}: samples a second of {options.clock} time, median of {runs} (range)")
    own = rates["worker"]
    for key, values in rates.items():
        ratio = [a / b for a, b in zip(own, values, strict=True)]
        times = (
            ""
            if key == "worker"
            else f"   worker is {statistics.median(ratio):.2f} times as fast ({min(ratio):.2f} to {max(ratio):.2f})"
        )  # noqa: E501
        print(f"  {key:10} {statistics.median(values):9.2f} ({min(values):.2f} to {max(values):.2f}){times}")
    return rates


def operations(model: Model, encoded: list, passes: list[str]) -> float:
    """Floating-point operations that a row takes on average: 2 a weight and token, and 4 x width a pair of tokens that
    attend; only positions that predict an answer go through the head."""
    text, sight = model.net.config.get_text_config(), model.net.config.vision_config
    matrices = sum(p.numel() for n, p in model.language.named_parameters() if p.ndim == 2 and "embed" not in n)
    total = 0.0
    for e in encoded:
        for name in passes:
            hidden = sum(end - start - 1 for start, end in e.blocks) if name == "drop" else 0
            length = len(e.ids) - hidden
            total += 2 * matrices * length + 2 * length**2 * text.hidden_size * text.num_hidden_layers
            total += 2 * text.hidden_size * text.vocab_size * len(e.scored) if name in ("image", "drop") else 0
        patches = (sight.image_size // sight.patch_size) ** 2 + 1
        tower = sum(p.numel() for n, p in model.net.named_parameters() if "vision" in n or "projector" in n)
        total += 2 * tower * patches + 4 * patches**2 * sight.hidden_size * sight.num_hidden_layers
    return total / len(encoded)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=["micro", "llava-1.5-7b"], default="micro")
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: as PyTorch chooses")
    parser.add_argument("--distinct", action="store_true", help="micro: one row of every image")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--peak", type=float, default=989.0, help="TFLOP/s of the device (H100 and H200, bf16: 989)")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    dtype = getattr(torch, options.dtype)
    with tempfile.TemporaryDirectory() as temporary:
        if options.shape == "micro":
            folder, rows = shape_rows(options.rows, options.distinct)
            weights = ROOT / "models" / "micro-vlm"
        else:
            folder = Path(temporary)
            weights, rows = llava_folder(folder / "model", dtype), long_rows(folder, options.rows)
        model = Model(weights, Reader(weights, folder), options.device, dtype)
        compete(model, folder, rows, options)


def compete(model: Model, folder: Path, rows: list[Sample], options: argparse.Namespace) -> None:
    plain = Plain(model, folder, rows)
    sync = torch.cuda.synchronize if options.device.startswith("cuda") else lambda: None
    device = torch.cuda.get_device_name() if options.device.startswith("cuda") else platform.processor() or "CPU"
    lengths = [len(e.ids) for e in plain.encoded]
    print(f"torch {torch.__version__} on {device}, {torch.get_num_threads()} threads; {options.shape}, {options.dtype}")
    images = len({s.images[0] for s in rows})
    print(f"{len(rows)} rows about {images} images, {statistics.mean(lengths):.0f} tokens on average")
    ours, theirs = worker(model, rows, options.batch, "visnec"), plain.visnec(1)
    print(f"largest difference of a loss from the official procedure: {np.abs(ours - theirs).max():.1e} nats/token")
    visnec = contest("VisNec", {
        "worker": lambda: worker(model, rows, options.batch, "visnec"),
        "batched": lambda: plain.visnec(options.batch),
        "official": lambda: plain.visnec(1),
    }, len(rows), options, sync)  # fmt: skip
    xmas = contest("XMAS, one checkpoint", {
        "worker": lambda: worker(model, rows, options.batch, "xmas"),
        "official": lambda: plain.xmas(False),
        "svd": lambda: plain.xmas(True),
    }, len(rows), options, sync)  # fmt: skip
    for name, rates, passes, times in (("visnec", visnec, ["image", "drop"], 1), ("xmas", xmas, ["states"], 7)):
        rate = statistics.median(rates["worker"])
        tera = operations(model, plain.encoded, passes) / 1e12
        hours = LLAVA_ROWS * times / rate / 3600
        print(f"\n{name}: {tera:.3g} TFLOP a row and checkpoint", end="")
        if options.device.startswith("cuda"):
            share = tera * rate / options.peak
            print(f", {100 * share:.1f} % of {options.peak:g} TFLOP/s; {LLAVA_ROWS:,} rows and {times} checkpoints: "
                  f"{hours:.1f} GPU hours (published: {PUBLISHED_HOURS[name]})", end="")  # fmt: skip
    print()


if __name__ == "__main__":
    main()
