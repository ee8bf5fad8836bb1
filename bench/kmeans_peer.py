"""k-means of faiss-cpu and scikit-learn for bench/kmeans.ts: one request a line on stdin, one JSON answer a line.

``make PATH ROWS WIDTH SEED`` writes a data set; ``faiss|sklearn PATH ROWS WIDTH K ITERATIONS SEED`` clusters one.
Both run a fixed number of Lloyd iterations from one start on all rows and assign every row at the end.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import faiss
import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning


def make(path: str, rows: int, width: int, seed: int) -> dict:
    """Unit vectors around 3,000 topics of very different sizes, as sentence embeddings are."""
    rng = np.random.default_rng(seed)
    topics = rng.standard_normal((3000, width), dtype=np.float32)
    weights = 1 / np.arange(1, 3001)
    with open(path, "wb") as file:
        for start in range(0, rows, 50_000):
            n = min(50_000, rows - start)
            block = topics[rng.choice(3000, n, p=weights / weights.sum())]
            block = block + 0.8 * rng.standard_normal((n, width), dtype=np.float32)
            file.write((block / np.linalg.norm(block, axis=1, keepdims=True)).astype(np.float32).tobytes())
    return {}


def inertia(data: np.ndarray, centroids: np.ndarray, labels: np.ndarray) -> float:
    """Sum of squared distances in double precision, the same for every contestant."""
    total = 0.0
    for start in range(0, len(data), 50_000):
        part = slice(start, start + 50_000)
        total += float(np.square(data[part] - centroids[labels[part]], dtype=np.float64).sum())
    return total


def run_faiss(data: np.ndarray, k: int, iterations: int, seed: int) -> dict:
    """faiss: random rows as start, every row used (its default would take 256 a cluster)."""
    cpu = time.process_time()
    begun = time.perf_counter()
    kmeans = faiss.Kmeans(data.shape[1], k, niter=iterations, nredo=1, seed=seed, max_points_per_centroid=len(data))
    kmeans.train(data)
    trained = time.perf_counter()
    _, labels = kmeans.index.search(data, 1)
    done = time.perf_counter()
    used = time.process_time()
    return {
        "seconds": done - begun,
        "cpu": used - cpu,
        "train": trained - begun,
        "inertia": inertia(data, kmeans.centroids, labels[:, 0]),
        "iterations": len(kmeans.obj),
    }


def run_sklearn(data: np.ndarray, k: int, iterations: int, seed: int) -> dict:
    """scikit-learn: greedy k-means++, no early stop by tolerance."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    cpu = time.process_time()
    begun = time.perf_counter()
    kmeans = KMeans(k, init="k-means++", n_init=1, max_iter=iterations, tol=0, random_state=seed, algorithm="lloyd")
    kmeans.fit(data)
    done = time.perf_counter()
    used = time.process_time()
    return {
        "seconds": done - begun,
        "cpu": used - cpu,
        "inertia": inertia(data, kmeans.cluster_centers_, kmeans.labels_),
        "iterations": int(kmeans.n_iter_),
    }


def answer(words: list[str]) -> dict:
    """One request."""
    name, path, rows, width, *rest = words
    if name == "make":
        return make(path, int(rows), int(width), int(rest[0]))
    data = np.fromfile(path, dtype=np.float32).reshape(int(rows), int(width))
    run = {"faiss": run_faiss, "sklearn": run_sklearn}[name]
    return run(data, *(int(value) for value in rest))


if __name__ == "__main__":
    versions = {"faiss": faiss.__version__, "sklearn": sklearn.__version__, "numpy": np.__version__}
    print(json.dumps({**versions, "python": sys.version.split()[0]}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(line.split())), flush=True)
