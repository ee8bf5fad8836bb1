"""COINCIDE's own code as a peer for bench/select-peers.ts: ``python peers.py STEP FOLDER ARGUMENTS``.

One step a process, JSON at the end. The steps run the scripts and functions of G-JWLee/COINCIDE_code as they are, but
for lines that name a device or a width, which bench/select-peers.ts rewrites in the copy and prints.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import runpy
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np

PACKAGE = "tinyllava.eval.score"


def run_script(module: str, **options: object) -> None:
    """One of the published scripts with its command line."""
    flags = [part for name, value in options.items() for part in flag(name, value)]
    before, sys.argv = sys.argv, [module, *flags]
    try:
        runpy.run_module(f"{PACKAGE}.{module}", run_name="__main__")
    finally:
        sys.argv = before


def flag(name: str, value: object) -> list[str]:
    """``--name value``; a list has several values, True has none."""
    values = [] if value is True else value if isinstance(value, list) else [value]
    return [f"--{name}", *map(str, values)]


def coincide(folder: Path, k: str, niter: str, fraction: str) -> None:
    """Clustering, transferability, pruning."""
    save = folder / "coincide-out"
    run_script(
        "coincide.compute_centroids",
        Kmeans_with_cos_dist=True,
        emb_memory_loc=folder / "coincide.npy",
        save_folder=save,
        ncentroids=k,
        niter=niter,
    )
    coincide_prune(folder, save, fraction)


def coincide_prune(folder: Path, save: Path, fraction: str) -> None:
    """Transferability and pruning of the clusters in a folder."""
    run_script(
        "coincide.cluster_transferability",
        centroid_embed_path=save / "kmeans_centroids.npy",
        transferability_path=save / "transfer.npy",
        knn_path=save / "knn",
    )
    run_script(
        "coincide.cluster_wise_prune",
        embedding_path=folder / "coincide.npy",
        cluster_path=save / "nearest_cent.npy",
        transfer_path=save / "transfer.npy",
        fraction=fraction,
        temp=0.1,
        output_indices_path=save / "indices.npy",
    )


def semdedup(folder: Path, k: str, niter: str, fraction: str, *eps: str) -> None:
    """The published script: clustering, order in clusters, duplicates, what is kept."""
    save = folder / "semdedup-out"
    run_script(
        "SemDeDup.compute_centroids",
        keep_hard=True,
        Kmeans_with_cos_dist=True,
        emb_memory_loc=folder / "hidden.npy",
        sorted_clusters_file_loc=save / "sorted",
        save_folder=save,
        output_indices_path=save / "indices.npy",
        ncentroids=k,
        niter=niter,
        prune_p=fraction,
        eps_list=list(eps),
    )


def semdedup_clusters(folder: Path, given: str, eps: str, count: str) -> None:
    """The same after the clustering, on given clusters: kept rows without the truncation in cluster order."""
    from tinyllava.eval.score.SemDeDup.clustering.sort_clusters import assign_and_sort_clusters
    from tinyllava.eval.score.SemDeDup.execute_semdedup import execute_semdedup
    from tinyllava.eval.score.SemDeDup.extract_dedup_data import extract_pruned_data

    save = Path(given)
    points = np.load(folder / "hidden.npy")
    points = points / np.linalg.norm(points, axis=-1, keepdims=True)
    clusters = range(int(np.load(save / "nearest_cent.npy").max()) + 1)
    where = str(save / "sorted")
    assign_and_sort_clusters(
        points, np.arange(len(points)), "cosine", True, True, str(save), where, clusters, logging.getLogger()
    )
    execute_semdedup(points, clusters, str(save), where, [float(eps)], "hard")
    tables, indices = str(save / "dataframes"), str(save / "indices.npy")
    extract_pruned_data(where, tables, [float(eps)], len(clusters), indices, int(count))


def d2(folder: Path, fraction: str) -> None:
    """The published functions in the order of the script; the graph is kept, to make its selection again from it."""
    from tinyllava.eval.score.d2_prune import d2_prune

    save = folder / "d2-out"
    save.mkdir(exist_ok=True)
    scores = np.load(folder / "aum.npy")
    points = np.load(folder / "hidden.npy")
    index = d2_prune.add_to_index(points, d2_prune.create_faiss_index(points, points.shape[-1]))
    neighbours, values, distances = d2_prune.initialize_graph(index, scores, points, 5)
    np.save(save / "neighbours.npy", neighbours.astype(np.int32))
    np.save(save / "distances.npy", distances.astype(np.float32))
    indices = d2_prune.iterative_selection(values, neighbours, scores, distances, 0.4, float(fraction))
    np.save(save / "indices.npy", indices)


class StoredGraph:
    """An index for the published functions from a graph that was kept: each row at distance 0, then its neighbours."""

    def __init__(self, neighbours: np.ndarray, distances: np.ndarray) -> None:
        own = np.arange(len(neighbours))[:, None]
        self.rows = np.concatenate([own, neighbours], axis=1)
        self.distances = np.concatenate([np.zeros_like(distances[:, :1]), distances], axis=1)
        self.at = 0

    def search(self, points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The next rows; they are asked for in their order."""
        first, self.at = self.at, self.at + len(points)
        return self.distances[first : self.at, :k], self.rows[first : self.at, :k]


def d2_ties(folder: Path, fraction: str) -> None:
    """The published selection again on the graph that it has found, with equal values in the order of their rows.

    The published order of equal values is what NumPy's sort leaves behind, which is not stable.
    """
    from tinyllava.eval.score.d2_prune import d2_prune

    save = folder / "d2-out"
    scores = np.load(folder / "aum.npy")
    graph = StoredGraph(np.load(save / "neighbours.npy"), np.load(save / "distances.npy"))
    # Of the vectors only their number is asked.
    neighbours, values, distances = d2_prune.initialize_graph(graph, scores, scores[:, None], 5)
    unstable = np.argsort
    with mock.patch.object(np, "argsort", lambda a: unstable(-a, kind="stable")[::-1]):
        indices = d2_prune.iterative_selection(values, neighbours, scores, distances, 0.4, float(fraction))
    np.save(save / "indices-ties.npy", indices)


def main() -> None:
    """Run one step silently, print what it cost."""
    step, folder, *rest = sys.argv[1:]
    folder_path = Path(folder)
    began = time.perf_counter()
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        if step == "coincide-prune":
            coincide_prune(folder_path, Path(rest[0]), rest[1])
        elif step == "semdedup-clusters":
            semdedup_clusters(folder_path, *rest)
        else:
            steps = {"coincide": coincide, "semdedup": semdedup, "d2": d2, "d2-ties": d2_ties}
            steps[step](folder_path, *rest)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "peakMiB": used.ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
