"""The signals job: for each checkpoint, for each shard that is missing, read its rows and write what was measured."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..data import RowError, Sample, read_samples
from ..device import DTYPES, pick_device
from ..families.adapters import attach_adapters, read_adapters
from ..families.model import Model
from ..families.reader import Reader
from ..files import write_whole
from ..protocol import BAD_JOB, JobError, emit, warn
from ..shards import Column, write_shard
from .encoders import Encoder
from .engine import Engine
from .registry import known_embeddings, known_signals, make_signal

FLOATS = ("f32", "f16")


def run_signals(job: dict[str, Any], dry_run: bool) -> None:
    """Measure every signal of the job on every shard. What is finished is left as it is."""
    device, dtype = pick_device(job["device"]), DTYPES[job["dtype"]]
    names = [s["name"] for s in job["signals"]]
    for name in names:
        if name not in known_signals() and name not in known_embeddings():
            raise JobError(BAD_JOB, "SIGNAL_UNKNOWN", f"this worker does not know the signal {name!r}")
    checkpoints = job["model"]["checkpoints"] or [{"path": job["model"]["path"], "name": "0"}]
    shards = [s for s in job["shards"] if not all(Path(o["path"]).exists() for o in s["outputs"])]
    rows = sum(s["end"] - s["start"] for s in shards)
    emit("plan", shards=len(shards), rows=rows, signals=names, checkpoints=len(checkpoints), device=device)
    if dry_run:
        return
    if set(names) <= set(known_embeddings()):
        run_embeddings(job, shards, device, dtype)
        return
    parts = Path(job["parts"])
    for number, checkpoint in enumerate(checkpoints):
        missing = [s for s in shards if not part_path(parts, s, number).exists()]
        if not missing:
            continue
        emit("phase", name=f"checkpoint {checkpoint['name']}")
        model = open_model(job, checkpoint["path"], device, dtype)
        engine = Engine(model, job["batch"], warn)
        for shard in missing:
            started = time.perf_counter()
            measure_shard(job, shard, engine, number, len(checkpoints), parts)
            n = shard["end"] - shard["start"]
            emit("shard", start=shard["start"], end=shard["end"], checkpoint=number, rows=n,
                 rows_s=round(n / (time.perf_counter() - started), 2), batch=engine.batch)  # fmt: skip
        del model, engine
    if len(checkpoints) > 1:
        for shard in shards:
            join_parts(job, shard, len(checkpoints), parts)


def run_embeddings(job: dict, shards: list[dict], device: str, dtype: torch.dtype) -> None:
    """The same for signals that read an encoder."""
    try:
        media = Path(job["media_root"])
        encoder = Encoder(Path(job["model"]["path"]), media, device, dtype, job["batch"])
    except (OSError, ValueError, KeyError) as error:
        raise JobError(BAD_JOB, "MODEL_UNUSABLE", f"{job['model']['path']}: {error}") from error
    for shard in shards:
        started = time.perf_counter()
        samples = list(read_samples(Path(shard["samples"])))
        found, failed = {}, {}
        for asked in job["signals"]:
            columns, rows = known_embeddings()[asked["name"]](asked["params"]).embed(encoder, samples)
            found[asked["name"]], failed[asked["name"]] = columns, failures(rows, samples)
        write_outputs(shard, samples, found, failed)
        n = shard["end"] - shard["start"]
        emit("shard", start=shard["start"], end=shard["end"], checkpoint=0, rows=n,
             rows_s=round(n / (time.perf_counter() - started), 2), batch=encoder.batch)  # fmt: skip
    if encoder.cut:
        many = "1 text is" if encoder.cut == 1 else f"{encoder.cut} texts are"
        warn("TEXT_CUT", f"{many} longer than the {encoder.limit} tokens that the encoder reads; the rest was cut off.")


def open_model(job: dict, path: str, device: str, dtype: torch.dtype) -> Model:
    """Model and processor; a checkpoint without a processor takes the base model's. Raises JobError."""
    folder = Path(path)
    base = Path(job["model"]["path"])
    if not (folder / "config.json").exists() and not (folder / "adapter_config.json").exists():
        raise JobError(BAD_JOB, "MODEL_UNUSABLE", f"{path} has neither config.json nor adapter_config.json")
    try:
        has_own = (folder / "processor_config.json").exists() or (folder / "preprocessor_config.json").exists()
        reader = Reader(folder if has_own else base, Path(job["media_root"]))
        model = Model(folder if (folder / "config.json").exists() else base, reader, device, dtype)
        model.folder, model.adapters = folder, read_adapters(folder)
        attach_adapters(model.net, model.adapters, folder)
        return model
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise JobError(BAD_JOB, "MODEL_UNUSABLE", f"{path}: {error}") from error


def part_path(parts: Path, shard: dict, number: int) -> Path:
    return parts / f"{shard['outputs'][0]['key']}-{number}.npz"


def measure_shard(job: dict, shard: dict, engine: Engine, number: int, total: int, parts: Path) -> None:
    """Read one shard's rows under one checkpoint; write the shard, or its part where there are several."""
    samples = list(read_samples(Path(shard["samples"])))
    signals = [make_signal(asked["name"], asked["params"] | {"checkpoint": number}) for asked in job["signals"]]
    passes = [name for one in signals for name in one.passes]
    observers = [one.observer for one in signals if one.observer]
    results = engine.read(samples, passes, observers, any(one.errors for one in signals))
    per_token = any(one.per_token for one in signals)
    results.texts = [token_texts(engine, sample) for sample in samples] if per_token else []
    found, failed = {}, {}
    for one in signals:
        one.ask(engine, results)
        found[one.name] = one.columns(results, engine.model)
        rows = one.failed | results.failures(one.passes, [one.observer] if one.observer else [])
        blank(found[one.name], list(rows))
        failed[one.name] = failures(rows, samples)
    if total > 1:
        save_part(part_path(parts, shard, number), found, failed)
    else:
        write_outputs(shard, samples, found, failed)


def token_texts(engine: Engine, sample: Sample) -> str | None:
    try:
        e = engine.model.reader.encode(sample)
    except Exception:  # noqa: BLE001  the row is quarantined already
        return None
    pieces = [engine.model.reader.tokenizer.decode([i]) for i in e.ids[e.scored]]
    return json.dumps(pieces, ensure_ascii=False, separators=(",", ":"))


def failures(rows: dict[int, RowError], samples: list[Sample]) -> list[dict]:
    return [
        {"row": samples[i].row, "id": samples[i].id, "code": error.code, "reason": error.reason}
        for i, error in sorted(rows.items())
    ]


def blank(columns: dict[str, Column], rows: list[int]) -> None:
    """A row that failed anywhere has no numbers at all."""
    for column in columns.values():
        for i in rows:
            if column.kind in FLOATS:
                column.data[i] = np.nan
            else:
                column.data[i] = {"i32": 0, "text": None, "list": []}[column.kind]


def write_outputs(
    shard: dict, samples: list[Sample], found: dict[str, dict[str, Column]], failed: dict[str, list[dict]]
) -> None:
    """Write one file a signal. Rows that the data set itself set aside are there too, without numbers."""
    rows = np.arange(shard["start"], shard["end"])
    at = {s.row: i for i, s in enumerate(samples)}
    for output in shard["outputs"]:
        columns = {
            name: spread(column, [at.get(int(r)) for r in rows]) for name, column in found[output["signal"]].items()
        }
        if Path(output["path"]).exists():
            continue
        write_shard(
            Path(output["path"]),
            output["key"],
            rows,
            shard["ids"],
            columns,
            output["measures"],
            failed[output["signal"]],
            output.get("prints"),
        )


def spread(column: Column, at: list[int | None]) -> Column:
    """A column over all rows of the shard from one over the samples that were read."""
    if column.kind in FLOATS:
        data = np.full((len(at), column.width), np.nan, dtype=np.float32)
        source = np.asarray(column.data, dtype=np.float32).reshape(-1, column.width)
        for r, i in enumerate(at):
            if i is not None:
                data[r] = source[i]
        return Column(column.kind, column.width, data)
    empty = {"i32": 0, "text": None, "list": []}[column.kind]
    return Column(column.kind, column.width, [empty if i is None else column.data[i] for i in at])


def save_part(path: Path, found: dict[str, dict[str, Column]], failed: dict[str, list[dict]]) -> None:
    """What one checkpoint gave, whole or not at all."""
    arrays = {
        f"{s}/{c.kind}/{n}": np.asarray(c.data, dtype=np.float32) for s, cs in found.items() for n, c in cs.items()
    }

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, failed=np.array(json.dumps(failed)), **arrays)

    write_whole(path, write)


def join_parts(job: dict, shard: dict, total: int, parts: Path) -> None:
    """Columns of T checkpoints side by side, in the order of the checkpoints, where a signal doesn't name them apart. A
    row that failed once has none."""
    samples = list(read_samples(Path(shard["samples"])))
    loaded = [np.load(part_path(parts, shard, t), allow_pickle=False) for t in range(total)]
    said = [json.loads(str(part["failed"])) for part in loaded]
    at = {s.row: i for i, s in enumerate(samples)}
    found: dict[str, dict[str, Column]] = {s["name"]: {} for s in job["signals"]}
    for key in dict.fromkeys(k for part in loaded for k in part.files if k != "failed"):
        signal, kind, name = key.split("/", 2)
        stacked = [part[key].reshape(len(samples), -1) for part in loaded if key in part.files]
        whole = np.concatenate(stacked, axis=1)
        found[signal][name] = Column(kind, whole.shape[1], whole)
    failed = {}
    for name, columns in found.items():
        rows = {f["row"]: f for part in reversed(said) for f in part[name]}
        blank(columns, [at[row] for row in rows])
        failed[name] = [rows[row] for row in sorted(rows)]
    write_outputs(shard, samples, found, failed)
    for t in range(total):
        loaded[t].close()
        part_path(parts, shard, t).unlink()
