"""Training of the scorers of Self-Filter and CoIDO: which rows deserve their loss to count?

A batch's weights are the softmax of the scorer's outputs, and what is minimised is the weighted loss, so that rows with
a high loss get little weight: minus the output is the difficulty. The published methods train the language model along
with the scorer; here the losses are measured beforehand, at one model or at the checkpoints of a proxy's training,
which are gone through in their order. Output layers begin at zero, so that what is learned is all that ranks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch

from ..philox import Random


def join_features(columns: list[np.ndarray]) -> np.ndarray:
    """Columns (rows, width) side by side: vectors at length 1 (a zero stays), single numbers from -1 (the least) to 1.
    A row that lacks one is NaN throughout."""
    parts = []
    for column in columns:
        if column.shape[1] > 1:
            length = np.linalg.norm(column.astype(np.float64), axis=1, keepdims=True)
            parts.append(column / np.where(length == 0, 1, length))
        else:
            known = column[np.isfinite(column)]
            low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
            parts.append(2 * (column - low) / (high - low) - 1 if high > low else column * 0)
    joined = np.concatenate(parts, axis=1).astype(np.float32)
    joined[~np.isfinite(joined).all(axis=1)] = np.nan
    return joined


def linear_scorer(width: int) -> torch.nn.Module:
    """Self-Filter: one layer without bias."""
    net = torch.nn.Linear(width, 1, bias=False)
    torch.nn.init.zeros_(net.weight)
    return net


def mlp_scorer(width: int, hidden: int, seed: int) -> torch.nn.Module:
    """CoIDO: one hidden layer, whose weights are drawn."""
    torch.manual_seed(seed)
    net = torch.nn.Sequential(torch.nn.Linear(width, hidden), torch.nn.GELU(), torch.nn.Linear(hidden, 1, bias=False))
    torch.nn.init.zeros_(net[2].weight)
    return net


def batches(rows: np.ndarray, epochs: int, size: int, random: Random) -> Iterator[tuple[float, np.ndarray]]:
    """Batches of shuffled rows, epoch by epoch, each with how far the training is. A last row alone has no rivals."""
    total, done = epochs * len(rows), 0
    for _ in range(epochs):
        order = list(rows)
        random.shuffle(order)
        for start in range(0, len(order), size):
            batch = np.array(order[start : start + size])
            yield done / total, batch
            done += len(batch)


def weighted_loss(outputs: torch.Tensor, losses: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean over the batch of B w_i L_i with w the softmax of the outputs; and the weights B w_i, whose mean is 1."""
    weights = outputs.softmax(0) * len(outputs)
    return (weights * losses).mean(), weights


def spread_of_clusters(weights: torch.Tensor, clusters: torch.Tensor) -> torch.Tensor:
    """Standard deviation over the clusters of a batch of their mean weight; 0 where there is only one."""
    _, at = clusters.unique(return_inverse=True)
    count = int(at.max()) + 1
    if count < 2:
        return weights.sum() * 0
    sums = torch.zeros(count).index_add(0, at, weights)
    means = sums / torch.bincount(at, minlength=count)
    return ((means - means.mean()).square().mean() + 1e-12).sqrt()


def train_scorer(
    features: np.ndarray, losses: np.ndarray, clusters: np.ndarray | None, params: dict,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> np.ndarray:  # fmt: skip
    """Difficulty of every row, minus the trained scorer's output; NaN for rows without features.

    `losses` (rows, T): at step s of S the column floor(s T / S) counts. `clusters`: for CoIDO, whose objective is
    L_w / sigma_1^2 + D / (2 sigma_2^2) + log sigma_1 + log sigma_2 with D the spread of the clusters' mean weights.
    """
    usable = np.isfinite(features).all(axis=1) & np.isfinite(losses).all(axis=1)
    rows, random = np.flatnonzero(usable), Random(params["seed"], "scorer")
    if clusters is not None:
        rows = rows[np.sort(random.sample(len(rows), math.ceil(params["share"] * len(rows))))]
        net = mlp_scorer(features.shape[1], params["hidden"], params["seed"])
    else:
        net = linear_scorer(features.shape[1])
    log_sigma = torch.zeros(2, requires_grad=clusters is not None)
    learned = [*net.parameters(), *([log_sigma] if clusters is not None else [])]
    optimizer = torch.optim.Adam(learned, lr=params["learningRate"])
    for done, batch in batches(rows, params["epochs"], params["batch"], random):
        step = losses[batch, int(done * losses.shape[1])]
        loss, weights = weighted_loss(net(torch.from_numpy(features[batch]))[:, 0], torch.from_numpy(step))
        if clusters is not None:
            spread = spread_of_clusters(weights, torch.from_numpy(clusters[batch].astype(np.int64)))
            inverse = torch.exp(-2 * log_sigma)
            loss = loss * inverse[0] + spread * inverse[1] / 2 + log_sigma.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        progress(int(done * 1000), 1000)
    scores = np.full(len(features), np.nan, dtype=np.float32)
    seen = np.flatnonzero(np.isfinite(features).all(axis=1))
    with torch.no_grad():
        for start in range(0, len(seen), 4096):
            part = seen[start : start + 4096]
            scores[part] = -net(torch.from_numpy(features[part]))[:, 0].numpy()
    return scores
