"""NLVR (Suhr et al. 2017, CC-BY-4.0) as LLaVA JSON: one sample per picture, the statement as a true-or-false question.

    python -m micro.nlvr dev.tar OUT [--statements N] [--pictures K]

`dev.tar` is the corpus as published: `.../dev/dev.json` with one statement a line, `.../dev/images/<directory>/*.png`
with six arrangements of the three boxes for each. OUT gets `nlvr.json` and `images/`.
"""

from __future__ import annotations

import argparse
import json
import tarfile
from pathlib import Path

QUESTION = "<image>\nIs this statement about the picture true or false? {}"


def convert(tar_path: Path, out: Path, statements: int | None = None, pictures: int = 6) -> int:
    """Write the first `statements` statements (None: all), `pictures` arrangements of each. Returns the rows."""
    images = out / "images"
    images.mkdir(parents=True, exist_ok=True)
    with tarfile.open(tar_path) as tar:
        members = {Path(m.name).name: m for m in tar.getmembers() if m.isfile()}
        listing = next(name for name in members if name.endswith(".json"))
        split = listing.removesuffix(".json")
        lines = tar.extractfile(members[listing]).read().decode("utf-8").splitlines()
        rows = []
        for line in lines[:statements]:
            entry = json.loads(line)
            for k in range(pictures):
                name = f"{split}-{entry['identifier']}-{k}.png"
                if name not in members:
                    continue
                (images / name).write_bytes(tar.extractfile(members[name]).read())
                rows.append(
                    {
                        "id": name.removesuffix(".png"),
                        "image": f"images/{name}",
                        "source": f"nlvr-{split}",
                        "category": f"{max(len(box) for box in entry['structured_rep'])} items in the fullest box",
                        "conversations": [
                            {"from": "human", "value": QUESTION.format(" ".join(entry["sentence"].split()))},
                            {"from": "gpt", "value": entry["label"].capitalize() + "."},
                        ],
                    }
                )
    (out / "nlvr.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return len(rows)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tar", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--statements", type=int, default=None, help="take the first N statements (default: all)")
    parser.add_argument("--pictures", type=int, default=6, help="arrangements of each statement (1 to 6)")
    args = parser.parse_args()
    print(f"{convert(args.tar, args.out, args.statements, args.pictures)} samples in {args.out / 'nlvr.json'}")


if __name__ == "__main__":
    main()
