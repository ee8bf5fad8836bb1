"""Immutable Parquet shards in the store's layout, written whole or not at all."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .files import write_whole
from .trailer import add_trailer, read_prints


@dataclass
class Column:
    """`kind` as the store names it: f32 and f16 (n, width), i32 (n,), text (list of str or None), list (n arrays)."""

    kind: str
    width: int
    data: object


def to_arrow(column: Column) -> pa.Array:
    """Vectors and lists are blobs of little-endian float32, as the store reads them; NaN is null."""
    if column.kind == "i32":
        return pa.array(np.asarray(column.data, dtype=np.int32))
    if column.kind == "text":
        return pa.array(column.data, type=pa.string())
    if column.kind == "list":
        return pa.array([np.asarray(row, dtype="<f4").tobytes() for row in column.data], type=pa.binary())
    if column.kind == "f16":
        data = np.asarray(column.data, dtype=np.float32).reshape(-1, column.width)
        return pa.array([None if np.isnan(row).all() else half_block(row) for row in data], type=pa.binary())
    data = np.asarray(column.data, dtype="<f4")
    if column.width == 1:
        return pa.array(data.reshape(-1), mask=np.isnan(data.reshape(-1)))
    rows = [None if np.isnan(row).all() else row.tobytes() for row in data.reshape(len(data), -1)]
    return pa.array(rows, type=pa.binary())


def half_block(row: np.ndarray) -> bytes:
    """A vector as its scale (float32) and float16 numbers: value = scale x number. The scale is the power of two that
    brings the largest near 2^14, so that neither long nor short vectors leave the range of float16."""
    largest = float(np.abs(row).max())
    scale = np.exp2(np.clip(np.frexp(largest)[1] - 15, -126, 127)) if 0 < largest < np.inf else 1.0
    return np.array([scale], dtype="<f4").tobytes() + (row / np.float32(scale)).astype("<f2").tobytes()


def read_vectors(files: list[str], rows: int, name: str, kind: str, width: int) -> np.ndarray:
    """A column of floats of all rows of a data set, (rows, width) in fp32, from the shards that hold it; NaN where
    nothing was measured."""
    data = np.full((rows, width), np.nan, dtype=np.float32)
    for file in files:
        table = pq.read_table(file, columns=["row", name])
        for row, value in zip(table["row"].to_pylist(), table[name].to_pylist(), strict=True):
            if value is None:
                continue
            if kind == "f16":
                data[row] = np.frombuffer(value, "<f4", 1) * np.frombuffer(value, "<f2", offset=4).astype(np.float32)
            else:
                data[row] = value if width == 1 else np.frombuffer(value, "<f4")
    return data


def description_of(name: str, measures: dict[str, str]) -> str:
    """What a column measures: its own sentence, else that of the same column at another checkpoint."""
    same = {re.sub(r"\d+", "#", known): text for known, text in measures.items()}
    return measures.get(name) or same.get(re.sub(r"\d+", "#", name), "")


def write_shard(
    path: Path, key: str, rows: np.ndarray, ids: list[str], columns: dict[str, Column], measures: dict[str, str],
    quarantined: list[dict], prints: str | None = None,
) -> None:  # fmt: skip
    """Write a shard, whole or not at all. `prints`: a file of what its rows are measured of, for the trailer."""
    table = pa.table(
        {
            "row": pa.array(rows.astype(np.int32)),
            "id": pa.array(ids),
            **{k: to_arrow(c) for k, c in columns.items()},
        }
    )
    about = [
        {"name": k, "kind": c.kind, "width": c.width, "measures": description_of(k, measures)}
        for k, c in columns.items()
    ]
    meta = {"key": key, "columns": about, "quarantined": quarantined}

    def write(file: Path) -> None:
        with pq.ParquetWriter(file, table.schema, compression="zstd", store_schema=False) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({"winnow": json.dumps(meta, ensure_ascii=False, separators=(",", ":"))})
        add_trailer(file, *read_prints(prints, int(rows[0]), [q["row"] for q in quarantined]))

    write_whole(path, write)
