"""Family records: what is true of a family whoever reads it, from the same files as the TypeScript side."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

# A clone has them among its sources, an installed package in what was built of them.
PLACES = ("src/families", "dist/families")


@cache
def records() -> list[dict[str, Any]]:
    """All of them, by name."""
    root = Path(__file__).resolve().parents[3]
    folder = next((root / place for place in PLACES if (root / place).is_dir()), None)
    if folder is None:
        raise FileNotFoundError(f"The records of model families are missing: {root} has no {' and no '.join(PLACES)}.")
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def record_of(model_type: str) -> dict[str, Any] | None:
    """The record that names a `config.json`'s `model_type`."""
    return next((record for record in records() if model_type in record["modelTypes"]), None)
