"""Peers of bench/images.ts: `cleanvision FOLDER` or `imagededup FOLDER`; one JSON line with the findings by file."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path


def run_cleanvision(folder: str) -> dict:
    """Its default checks: exact and near duplicates, blank, dark, light, blurry, odd size and aspect, grayscale."""
    from cleanvision import Imagelab

    lab = Imagelab(data_path=folder)
    lab.find_issues(verbose=False)

    def names(issue: str) -> list[str]:
        column = f"is_{issue}_issue"
        return [Path(path).name for path in lab.issues.index[lab.issues[column]]]

    sets = {kind: lab.info.get(f"{kind}_duplicates", {}).get("sets", []) for kind in ("exact", "near")}
    groups = {kind: [[Path(path).name for path in group] for group in found] for kind, found in sets.items()}
    return {"exact": groups["exact"], "near": groups["near"], "blank": names("low_information")}


def run_imagededup(folder: str) -> dict:
    """Perceptual hashes within its default distance of 10 bits."""
    from imagededup.methods import PHash

    found = PHash(verbose=False).find_duplicates(image_dir=folder)
    return {"near": [[name, *twins] for name, twins in found.items() if twins]}


def main(tool: str, folder: str) -> None:
    """Run one tool; its version stands beside what it found."""
    found = {"cleanvision": run_cleanvision, "imagededup": run_imagededup}[tool](folder)
    print(json.dumps({**found, "version": version(tool)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
