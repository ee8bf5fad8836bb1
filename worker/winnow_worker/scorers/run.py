"""The scorer job: train a scorer on measured columns of all rows, and write the shards that are missing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from ..protocol import BAD_DATA, NAN_LOSS, JobError, emit
from ..shards import Column, read_vectors, write_shard
from .train import join_features, train_scorer

EVENT_SECONDS = 0.5


def run_scorer(job: dict[str, Any], dry_run: bool) -> None:
    """Raises JobError where there is nothing to train on, or the training diverges."""
    rows = job["rows"]
    missing = [s for s in job["shards"] if not all(Path(o["path"]).exists() for o in s["outputs"])]
    emit("plan", shards=len(missing), rows=sum(s["end"] - s["start"] for s in missing), signals=[job["scorer"]])
    if dry_run or not missing:
        return
    read = {c["name"]: read_vectors(c["files"], rows, c["name"], c["kind"], c["width"]) for c in columns_of(job)}
    features = join_features([read[c["name"]] for c in job["features"]])
    losses = read[job["loss"]["name"]]
    # A row that any of the columns found broken is broken here too.
    features[[q["row"] for q in job["quarantined"]]] = np.nan
    if not (np.isfinite(features).all(axis=1) & np.isfinite(losses).all(axis=1)).any():
        raise JobError(BAD_DATA, "NOTHING_TO_TRAIN", "no row has all of the features and a loss")
    clusters = np.fromfile(job["clusters"], dtype="<i4") if job.get("clusters") else None
    scores = train_scorer(features, losses, clusters, job["params"], reporter())
    if not np.isfinite(scores[np.isfinite(features).all(axis=1)]).all():
        raise JobError(NAN_LOSS, "SCORER_DIVERGED", "the scorer's outputs are not finite: lower the learning rate")
    for shard in missing:
        part = np.arange(shard["start"], shard["end"])
        failed = [q for q in job["quarantined"] if shard["start"] <= q["row"] < shard["end"]]
        for output in shard["outputs"]:
            # A scorer has one column, which the job names.
            columns = {name: Column("f32", 1, scores[part]) for name in output["measures"]}
            write_shard(Path(output["path"]), output["key"], part, shard["ids"], columns, output["measures"], failed)
        emit("shard", start=shard["start"], end=shard["end"], rows=len(part), rows_s=0)


def columns_of(job: dict[str, Any]) -> list[dict[str, Any]]:
    return [*job["features"], job["loss"]]


def reporter():
    """Progress events, twice a second at most."""
    last = [0.0]

    def report(done: int, of: int) -> None:
        if time.monotonic() - last[0] > EVENT_SECONDS:
            last[0] = time.monotonic()
            emit("progress", done=done, of=of)

    return report
