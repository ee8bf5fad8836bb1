"""Read what `check-readers.mjs` wrote with the libraries that people train with, and compare it with what was meant.

Prints one line a reader: `ok`, `fail` with what differs, or `skip` with the reason. Exit status 1 where one failed.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Row = dict[str, Any]


def same_bytes(got: list[bytes], row: Row) -> None:
    """Images are the files' own bytes."""
    assert got == [Path(path).read_bytes() for path in row["images"]], f"images of {row['id']}"


def same_turns(turns: list[Row], row: Row) -> None:
    """Typed parts in their order: text, or None for an image."""
    got = [[turn["role"], [part.get("text") for part in turn["content"]]] for turn in turns]
    assert got == row["texts"], f"turns of {row['id']}: {got}"


def tagged(texts: list[str | None]) -> str:
    """Parts as one text with `<image>` tags."""
    return "\n".join("<image>" if text is None else text for text in texts)


def parquet(folder: Path, rows: list[Row]) -> str:
    """`datasets` reads the features from the file, needs no cast, and decodes the images."""
    import datasets
    import pyarrow.parquet as pq

    for name in ["parquet", "parquet-sequence"]:
        files = sorted(str(path) for path in (folder / name).glob("*.parquet"))
        schema = pq.read_schema(files[0])
        features = datasets.Features.from_arrow_schema(schema)
        assert schema.remove_metadata().equals(features.arrow_schema.remove_metadata()), "the table would be cast"
        cache = str(folder / "cache" / name)
        data = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=cache)
        assert data.features == features and len(data) == len(rows)
        for got, row in zip(data, rows, strict=True):
            assert got["id"] == row["id"]
            same_turns(got["messages"], row)
            assert [image.size for image in got["images"]] == [(64, 64)] * len(row["images"])
        raw = data.cast_column("images", datasets.List(datasets.Image(decode=False)))
        for got, row in zip(raw, rows, strict=True):
            same_bytes([image["bytes"] for image in got["images"]], row)
    return f"datasets {datasets.__version__}"


def tar(folder: Path, rows: list[Row]) -> str:
    """`webdataset` groups the members of a sample."""
    import webdataset

    shards = sorted(str(path) for path in (folder / "webdataset").glob("*.tar"))
    samples = list(webdataset.WebDataset(shards, shardshuffle=False))
    assert len(samples) == len(rows), f"{len(samples)} samples"
    for got, row in zip(samples, rows, strict=True):
        record = json.loads(got["json"])
        assert record["id"] == row["id"]
        same_turns(record["messages"], row)
        same_bytes([got[f"{index}.png"] for index in range(len(row["images"]))], row)
    return f"webdataset {webdataset.__version__}"


def tar_datasets(folder: Path, rows: list[Row]) -> str:
    """`datasets` reads tars whose samples have the same fields: those with one image."""
    import datasets

    # The first samples have two images, and this reader wants the fields of the first ones everywhere.
    shards = sorted(str(path) for path in (folder / "webdataset").glob("*.tar"))[1:]
    cache = str(folder / "cache" / "tar")
    data = datasets.load_dataset("webdataset", data_files=shards, split="train", cache_dir=cache)
    for got, row in zip(data, rows[30:], strict=True):
        assert got["json"]["id"] == row["id"] and got["0.png"].size == (64, 64)
    return f"datasets {datasets.__version__}, webdataset builder"


def trl(folder: Path, rows: list[Row]) -> str:
    """TRL fills the images into the parts."""
    import datasets
    from trl import __version__
    from trl.data_utils import prepare_multimodal_messages

    files = [str(path) for path in (folder / "parquet").glob("*.parquet")]
    data = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(folder / "cache" / "trl"))
    lines = [json.loads(line) for line in (folder / "trl" / "data.jsonl").read_text().splitlines()]
    for source in [data, lines]:
        for got, row in zip(source, rows, strict=True):
            turns = prepare_multimodal_messages(got["messages"], images=got["images"])
            same_turns(turns, row)
            parts = [part for turn in turns for part in turn["content"] if part["type"] == "image"]
            assert all(part["image"] is not None for part in parts) and len(parts) == len(row["images"])
    return f"trl {__version__}"


def llamafactory(folder: Path, rows: list[Row]) -> str:
    """LLaMA-Factory's parser reads our `dataset_info.json`, its converter every row, and finds every image."""
    spec = importlib.util.find_spec("llamafactory")
    assert spec is not None and spec.submodule_search_locations
    # The package's __init__ imports its whole training stack; its parser and converter don't need it.
    package = types.ModuleType("llamafactory.data")
    package.__path__ = [f"{spec.submodule_search_locations[0]}/data"]
    importlib.import_module("llamafactory")
    sys.modules["llamafactory.data"] = package
    parser = importlib.import_module("llamafactory.data.parser")
    converter = importlib.import_module("llamafactory.data.converter")

    place = folder / "sharegpt"
    (about,) = parser.get_dataset_list(["winnow"], str(place))
    convert = converter.get_dataset_converter(about.formatting, about, SimpleNamespace(media_dir=str(place)))
    records = json.loads((place / about.dataset_name).read_text())
    assert len(records) == len(rows)
    for record, row in zip(records, rows, strict=True):
        got = convert(record)
        turns = [[turn["role"], turn["content"]] for turn in got["_prompt"] + got["_response"]]
        assert turns == [[role, tagged(texts)] for role, texts in row["texts"]], f"turns of {row['id']}: {turns}"
        same_bytes([Path(path).read_bytes() for path in got["_images"]], row)
    return f"llamafactory {importlib.import_module('llamafactory.extras.env').VERSION}"


READERS: list[tuple[str, str, Callable[[Path, list[Row]], str]]] = [
    ("parquet", "datasets", parquet),
    ("webdataset", "webdataset", tar),
    ("webdataset", "datasets", tar_datasets),
    ("trl, parquet", "trl", trl),
    ("sharegpt", "llamafactory", llamafactory),
]


def main(folder: Path) -> int:
    """Try every reader that is installed."""
    rows = json.loads((folder / "expected.json").read_text())
    failed = 0
    for what, package, check in READERS:
        if importlib.util.find_spec(package) is None:
            print(f"skip {what}: {package} is not installed")
            continue
        try:
            print(f"ok   {what}: {check(folder, rows)}, {len(rows)} rows")
        except ImportError as error:
            print(f"skip {what}: {package} can't be imported ({error})")
        except Exception as error:  # any fault of a reader is a finding, and the others still run
            failed += 1
            print(f"fail {what}: {type(error).__name__}: {error}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
