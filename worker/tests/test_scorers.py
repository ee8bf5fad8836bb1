"""Scorers: what they learn, that equal seeds give equal scores, and what the job does with bad rows."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from winnow_worker.__main__ import main
from winnow_worker.scorers.train import join_features, spread_of_clusters, train_scorer, weighted_loss
from winnow_worker.shards import Column, read_vectors, write_shard

SELF_FILTER = {"seed": 42, "epochs": 3, "batch": 16, "learningRate": 1e-3}
COIDO = SELF_FILTER | {"epochs": 4, "share": 0.5, "hidden": 32}


def planted(rows: int = 400, width: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors whose first number is how high the loss is, with noise."""
    rng = np.random.default_rng(1)
    hard = rng.normal(size=rows)
    features = rng.normal(size=(rows, width))
    features[:, 0] = 3 * hard
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    losses = 2 + hard + 0.3 * rng.normal(size=rows)
    return features.astype(np.float32), losses.astype(np.float32)[:, None]


def ranks(x: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(x))


def test_weighted_loss_by_hand() -> None:
    loss, weights = weighted_loss(torch.log(torch.tensor([1.0, 3.0])), torch.tensor([4.0, 8.0]))
    assert weights.tolist() == pytest.approx([0.5, 1.5]) and loss.item() == pytest.approx(7)


def test_spread_by_hand() -> None:
    spread = spread_of_clusters(torch.tensor([1.0, 3.0, 4.0]), torch.tensor([7, 7, 2]))
    assert spread.item() == pytest.approx(1.0)
    assert spread_of_clusters(torch.tensor([1.0, 3.0]), torch.tensor([5, 5])).item() == 0


def test_vectors_count_alike_and_numbers_go_from_minus_1_to_1() -> None:
    a = np.array([[3, 4], [0, 0], [np.nan, 1], [6, 8]], dtype=np.float32)
    b = np.array([[10], [20], [30], [np.nan]], dtype=np.float32)
    joined = join_features([a, b])
    assert np.allclose(joined[:2], [[0.6, 0.8, -1], [0, 0, 0]]) and np.isnan(joined[2:]).all()


@pytest.mark.parametrize("method", ["self-filter", "coido"])
def test_scorer_finds_what_is_hard_and_repeats_itself(method: str) -> None:
    features, losses = planted()
    features[5] = np.nan
    losses[6] = np.nan
    clusters = np.arange(len(features)) % 4 if method == "coido" else None
    params = COIDO if method == "coido" else SELF_FILTER
    scores = train_scorer(features, losses, clusters, params)
    assert np.isnan(scores[5]) and np.isfinite(np.delete(scores, 5)).all()
    seen = np.delete(np.arange(len(scores)), [5, 6])
    assert np.corrcoef(ranks(scores[seen]), ranks(losses[seen, 0]))[0, 1] > 0.7
    assert np.array_equal(scores, train_scorer(features, losses, clusters, params), equal_nan=True)
    other = train_scorer(features, losses, clusters, params | {"seed": 1})
    assert not np.array_equal(scores, other, equal_nan=True)


def test_losses_of_checkpoints_are_gone_through_in_order() -> None:
    features, losses = planted()
    flat = np.full_like(losses, 2.0)
    only_late = train_scorer(features, np.concatenate([flat, losses], axis=1), None, SELF_FILTER)
    never = train_scorer(features, np.concatenate([flat, flat], axis=1), None, SELF_FILTER)
    assert np.corrcoef(ranks(only_late), ranks(losses[:, 0]))[0, 1] > 0.7
    assert np.abs(never).max() < 0.2 * np.abs(only_late).max()


def test_job_reads_shards_and_writes_scores(tmp_path: Path) -> None:
    features, losses = planted(40)
    halves = [np.arange(0, 25), np.arange(25, 40)]
    ids = [f"r{i}" for i in range(40)]
    files = {"v": [], "loss": []}
    for name, data, kind in (("v", features, "f16"), ("loss", losses, "f32")):
        for i, part in enumerate(halves):
            path = tmp_path / f"{name}{i}.parquet"
            column = Column(kind, data.shape[1], data[part])
            write_shard(path, "k", part, [ids[r] for r in part], {name: column}, {}, [])
            files[name].append(str(path))
    assert np.abs(read_vectors(files["v"], 40, "v", "f16", 24) - features).max() < 1e-3
    outputs = [
        {
            "signal": "self-filter",
            "path": str(tmp_path / "out.parquet"),
            "key": "k2",
            "measures": {"selffilter": "hard"},
        }
    ]
    job = {
        "kind": "scorer", "scorer": "self-filter", "params": SELF_FILTER, "rows": 40, "folder": str(tmp_path),
        "features": [{"name": "v", "kind": "f16", "width": 24, "files": files["v"]}],
        "loss": {"name": "loss", "kind": "f32", "width": 1, "files": files["loss"]},
        "quarantined": [{"row": 3, "id": "r3", "code": "X", "reason": "broken"}], "threads": 1,
        "shards": [{"start": 0, "end": 40, "ids": ids, "outputs": outputs}],
    }  # fmt: skip
    (tmp_path / "job.json").write_text(json.dumps(job))
    assert main(["--job", str(tmp_path / "job.json")]) == 0
    scores = read_vectors([outputs[0]["path"]], 40, "selffilter", "f32", 1)[:, 0]
    assert np.isnan(scores[3]) and np.isfinite(np.delete(scores, 3)).all()
    job["loss"]["files"] = []
    job["shards"][0]["outputs"][0]["path"] = str(tmp_path / "none.parquet")
    (tmp_path / "job.json").write_text(json.dumps(job))
    assert main(["--job", str(tmp_path / "job.json")]) == 3
