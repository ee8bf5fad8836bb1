"""Speed of the worker's signals against the published procedures and against batched `transformers`.

    worker/.venv/bin/python bench/worker_speed.py [--rows 96] [--runs 5] [--threads 2] [--distinct]
    worker/.venv/bin/python bench/worker_speed.py --shape llava-1.5-7b --device cuda --dtype bfloat16 --rows 256
    worker/.venv/bin/python bench/worker_speed.py --shape proxy-2b --device cuda --dtype bfloat16 --rows 256

VisNec: losses with the image and without it (one masked slot in its place). Official (DMK041218/VisNec at f0a4e9d): one
row at a time, two full passes with logits at every position. Batched: the same in padded batches. XMAS: the five
singular values. Official (BigML-CS-UCLA/XMAS at c3e95c8): padded batches of 8 in the order of the data, attention maps
asked for, square maps K Q^T of every layer, a sketch of rank 5. Lean: the same without what that code computes and
drops (attention maps, logits). Every contestant reads the same files, renders, tokenises and decodes everything, finds
the labels itself, and starts from an empty cache; they take turns. `--loaders` gives the others processes that prepare
batches, as the published code has. Their model is as `transformers` loads it; with `--same-kernels` it multiplies
matrices as the worker does on a CPU, which leaves what the worker does otherwise. `--clock cpu` counts processor time
in place of wall time, which a busy machine leaves alone (take `--threads 1` with it).

`--shape llava-1.5-7b` (VisNec's model) and `proxy-2b` (XMAS's) have those shapes with random weights, generated
pictures and texts of the length of LLaVA-665K's rows, and say how long 665,298 rows would take at the measured rate.
`small` is a little one of the kind. For all, the floating-point operations of the model, counted as if every row were
read by itself, are set against the device's peak (`--peak`, in TFLOP/s; on a CPU what a product of large matrices
reaches).
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
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "worker"))

from winnow_worker.data import Encoded, Sample  # noqa: E402
from winnow_worker.families.linear import widen_linear  # noqa: E402
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


@dataclass(frozen=True)
class Shape:
    """Sizes of a LLaVA model: of its language model, and of its vision tower by width and layers."""

    width: int
    inner: int
    layers: int
    heads: int
    vocabulary: int
    sight: tuple[int, int] = (1024, 24)
    pixels: int = 336
    method: str = ""


SHAPES = {
    "llava-1.5-7b": Shape(4096, 11008, 32, 32, 32064, method="visnec"),
    "proxy-2b": Shape(2048, 5632, 24, 32, 100352, method="xmas"),
    "small": Shape(256, 688, 4, 4, 2000, sight=(128, 3), pixels=112),
}


def llava_folder(folder: Path, shape: Shape, dtype: torch.dtype) -> Path:
    """A model of a shape with random weights; the micro model's tokenizer, whose ids all occur in it."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    text = LlamaConfig(
        vocab_size=shape.vocabulary, hidden_size=shape.width, intermediate_size=shape.inner,
        num_hidden_layers=shape.layers, num_attention_heads=shape.heads, num_key_value_heads=shape.heads,
        max_position_embeddings=4096, pad_token_id=0,
    )  # fmt: skip
    width, layers = shape.sight
    sight = CLIPVisionConfig(
        hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers, num_attention_heads=width // 64,
        image_size=shape.pixels, patch_size=14, projection_dim=768,
    )  # fmt: skip
    config = LlavaConfig(vision_config=sight, text_config=text, image_token_index=3, vision_feature_layer=-2)
    torch.set_default_dtype(dtype)
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    torch.set_default_dtype(torch.float32)
    micro = ROOT / "models" / "micro-vlm"
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(micro / name, folder / name)
    processor = json.loads((micro / "processor_config.json").read_text())
    size = {"height": shape.pixels, "width": shape.pixels}
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
    """What the contestants share that don't use the worker: a model as it is loaded, a processor, and rows. A loader
    prepares batches, in processes of its own where there are any, as the published ones do."""

    def __init__(self, model: Model, folder: Path, rows: list[Sample], loaders: int, same_kernels: bool) -> None:
        self.net = model.net if same_kernels else loaded(model)
        self.processor, self.folder, self.rows = model.reader.processor, folder, rows
        self.tokenizer, self.image_id = model.reader.tokenizer, model.reader.image_id
        self.device, self.dtype, self.loaders = model.device, model.dtype, loaders
        self.tokenizer.padding_side = "right"

    def batches(self, size: int) -> Iterable[tuple[dict, torch.Tensor]]:
        """Inputs and labels of the rows, in their order."""
        starts = range(0, len(self.rows), size)
        chunks = [self.rows[start : start + size] for start in starts]
        for inputs, labels in DataLoader(chunks, None, num_workers=self.loaders, collate_fn=self.prepare):
            inputs["pixel_values"] = inputs["pixel_values"].to(self.dtype)
            yield {k: v.to(self.device) for k, v in inputs.items()}, labels.to(self.device)

    def prepare(self, rows: list[Sample]) -> tuple[dict, torch.Tensor]:
        """Both published data sets, TinyLLaVA's and LLaVA's, find labels too, whether they are used or not."""
        pictures = [[Image.open(self.folder / row.images[0]).convert("RGB")] for row in rows]
        texts = self.processor.apply_chat_template([row.messages for row in rows], tokenize=False)
        inputs = dict(self.processor(text=texts, images=pictures, padding=True, return_tensors="pt"))
        labels = torch.full_like(inputs["input_ids"], -100)
        for r, text in enumerate(texts):
            ids = inputs["input_ids"][r]
            more = int((ids == self.image_id).sum()) - 1
            for start, end in self.answers(text):
                labels[r, start + more : end + more] = ids[start + more : end + more]
        return inputs, labels

    def answers(self, text: str) -> list[tuple[int, int]]:
        """Where answers are among the ids of a text with one placeholder an image: every round and its question are
        tokenised once more, and counted."""
        at, found = 1, []
        for turn in text.split(self.tokenizer.eos_token)[:-1]:
            asked = turn[: turn.index("ASSISTANT:") + len("ASSISTANT:")]
            one, other = (len(self.tokenizer(t, add_special_tokens=False)["input_ids"]) for t in (asked, turn))
            found.append((at + one, at + other + 1))
            at += other + 1
        return found

    def blinded(self, inputs: dict, labels: torch.Tensor) -> tuple[dict, torch.Tensor]:
        """One masked slot in the image's place."""
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        image = ids == self.image_id
        first = image & (image.cumsum(1) == 1)
        kept = ~image | first
        cut = [x[kept].view(len(x), -1) for x in (ids.masked_fill(first, 0), mask.masked_fill(first, 0), labels)]
        return {"input_ids": cut[0], "attention_mask": cut[1]}, cut[2]

    def losses(self, inputs: dict, labels: torch.Tensor) -> list[float]:
        """Mean loss of each row's answer, from logits at every position."""
        places = torch.arange(labels.shape[1], device=labels.device)[None].expand_as(labels)
        logits = self.net(**inputs, position_ids=places, use_cache=False).logits.float()
        each = torch.nn.functional.cross_entropy(
            logits[:, :-1].transpose(1, 2), labels[:, 1:], ignore_index=-100, reduction="none"
        )
        return (each.sum(1) / (labels[:, 1:] != -100).sum(1)).tolist()

    @torch.inference_mode()
    def visnec(self, size: int) -> np.ndarray:
        found = []
        for inputs, labels in self.batches(size):
            found += zip(self.losses(inputs, labels), self.losses(*self.blinded(inputs, labels)), strict=True)
        return np.array(found)

    @torch.inference_mode()
    def xmas(self, published: bool, size: int = 8) -> np.ndarray:
        """Square maps K Q^T of every layer, cut to text rows and image columns, summed, and sketched. The published
        call asks for `output_attentions`, for which attention is computed eagerly and kept, and computes logits;
        without `published`, none of it."""
        kept: list[torch.Tensor] = []
        hooks = [
            getattr(layer.self_attn, name).register_forward_hook(lambda _m, _i, out: kept.append(out))
            for layer in self.net.model.language_model.layers for name in ("q_proj", "k_proj")
        ]  # fmt: skip
        usual = self.net.config.get_text_config()._attn_implementation
        self.net.set_attn_implementation({"text_config": "eager" if published else usual})
        call = partial(self.net, output_attentions=True) if published else self.net.model
        found = []
        for inputs, _ in self.batches(size):
            call(**inputs, use_cache=False)
            image = torch.nonzero(inputs["input_ids"][0] == self.image_id)[:, 0]
            first, last = int(image[0]), int(image[-1]) + 1
            total: torch.Tensor | float = 0.0
            for q, k in zip(kept[::2], kept[1::2], strict=True):
                scores = torch.softmax(k @ q.transpose(1, 2) / q.shape[-1] ** 0.5, dim=-1)
                total = total + scores[:, last + 1 :, first:last]
            kept.clear()
            found += torch.svd_lowrank(total.float(), q=min(5, *total.shape[1:]), niter=2)[1].tolist()
        self.net.set_attn_implementation({"text_config": usual})
        for hook in hooks:
            hook.remove()
        return np.array([row + [0.0] * (5 - len(row)) for row in found])


def loaded(model: Model) -> torch.nn.Module:
    from transformers import AutoModelForImageTextToText

    return AutoModelForImageTextToText.from_pretrained(model.folder, dtype=model.dtype).to(model.device).eval()


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


def clock_of(options: argparse.Namespace) -> Callable[[], float]:
    return time.process_time if options.clock == "cpu" else time.perf_counter


def contest(name: str, runners: dict, rows: int, options: argparse.Namespace, sync) -> dict[str, list[float]]:
    """Rows a second of each contestant, in turn, after one untimed turn."""
    runs, clock = options.runs, clock_of(options)
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


@torch.inference_mode()
def product_rate(model: Model, options: argparse.Namespace) -> float:
    """TFLOP/s of large matrix products on this CPU, by what the worker multiplies with, the best of 20."""
    layer = torch.nn.Linear(2048, 2048, bias=False, dtype=model.dtype)
    widen_linear(torch.nn.Sequential(layer))
    x, clock, best = torch.randn(2048, 2048, dtype=model.dtype), clock_of(options), float("inf")
    for _ in range(20):
        started = clock()
        layer(x)
        best = min(best, clock() - started)
    return 2 * 2048**3 / best / 1e12


def operations(model: Model, encoded: list, passes: list[str]) -> float:
    """Floating-point operations that a row takes on average: 2 a weight and token, and 4 x width a pair of tokens that
    attend; only positions that predict an answer go through the head, and layers of the vision tower whose output
    nobody reads don't count."""
    text, sight = model.net.config.get_text_config(), model.net.config.vision_config
    matrices = sum(p.numel() for n, p in model.language.named_parameters() if p.ndim == 2 and "embed" not in n)
    layers = sight.num_hidden_layers + 1 + model.net.config.vision_feature_layer
    unused = [f".layers.{n}." for n in range(layers, sight.num_hidden_layers)]
    seen = [(n, p) for n, p in model.net.named_parameters() if "vision" in n or "projector" in n]
    tower = sum(p.numel() for n, p in seen if not any(layer in n for layer in unused))
    patches = (sight.image_size // sight.patch_size) ** 2 + 1
    total = 0.0
    for e in encoded:
        for name in passes:
            hidden = sum(end - start - 1 for start, end in e.blocks) if name == "drop" else 0
            length = len(e.ids) - hidden
            total += 2 * matrices * length + 2 * length**2 * text.hidden_size * text.num_hidden_layers
            total += 2 * text.hidden_size * text.vocab_size * len(e.scored) if name in ("image", "drop") else 0
        total += 2 * tower * patches + 4 * patches**2 * sight.hidden_size * layers
    return total / len(encoded)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=["micro", *SHAPES], default="micro")
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: as PyTorch chooses")
    parser.add_argument("--distinct", action="store_true", help="micro: one row of every image")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--loaders", type=int, default=0, help="processes that prepare batches for the others")
    parser.add_argument("--same-kernels", action="store_true", help="the others multiply matrices as the worker does")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--peak", type=float, help="TFLOP/s of the device (cuda: 989, an H100's or H200's in bf16)")
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
            weights = llava_folder(folder / "model", SHAPES[options.shape], dtype)
            rows = long_rows(folder, options.rows)
        model = Model(weights, Reader(weights, folder), options.device, dtype)
        compete(model, folder, rows, options)


def compete(model: Model, folder: Path, rows: list[Sample], options: argparse.Namespace) -> None:
    plain = Plain(model, folder, rows, options.loaders, options.same_kernels)
    encoded = [e for e in model.reader.encode_all(rows) if isinstance(e, Encoded)]
    sync = torch.cuda.synchronize if options.device.startswith("cuda") else lambda: None
    device = torch.cuda.get_device_name() if options.device.startswith("cuda") else platform.processor() or "CPU"
    lengths = [len(e.ids) for e in encoded]
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
        "official": lambda: plain.xmas(True),
        "lean": lambda: plain.xmas(False),
    }, len(rows), options, sync)  # fmt: skip
    peak = options.peak or (989.0 if options.device.startswith("cuda") else product_rate(model, options))
    for name, rates, passes, times in (("visnec", visnec, ["image", "drop"], 1), ("xmas", xmas, ["states"], 7)):
        rate = statistics.median(rates["worker"])
        tera = operations(model, encoded, passes) / 1e12
        share = f"{100 * tera * rate / peak:.1f} % of {peak:.3g} TFLOP/s"
        print(f"\n{name}: {tera:.3g} TFLOP a row and checkpoint, {share}")
        if options.shape == "micro":
            continue
        hours = f"{LLAVA_ROWS * times / rate / 3600:.1f} hours"
        published = f" (published: {PUBLISHED_HOURS[name]})" if SHAPES[options.shape].method == name else ""
        print(f"  {LLAVA_ROWS:,} rows at {times} checkpoint(s): {hours}{published}")


if __name__ == "__main__":
    main()
