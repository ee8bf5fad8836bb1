"""Python `datasets` for bench/ingest.ts: FILE CACHE. Loads a JSON file and answers one query; prints one JSON line."""

from __future__ import annotations

import json
import platform
import resource
import sys

import datasets
import pyarrow


def main(file: str, cache: str) -> None:
    """Rows, rows without an image and the id of the middle one, with the peak of memory in megabytes."""
    datasets.disable_progress_bars()
    rows = datasets.load_dataset("json", data_files=file, split="train", cache_dir=cache)
    without = rows.data.column("image").null_count
    answer = [len(rows), without, rows[len(rows) >> 1]["id"]]
    used = resource.getrusage(resource.RUSAGE_SELF)
    cost = {"megabytes": used.ru_maxrss / 1024, "processor": used.ru_utime + used.ru_stime}
    versions = {
        "datasets": datasets.__version__,
        "pyarrow": pyarrow.__version__,
        "python": platform.python_version(),
    }
    print(json.dumps({**cost, "answer": answer, "versions": versions}))


if __name__ == "__main__":
    main(*sys.argv[1:])
