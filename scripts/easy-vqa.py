"""Writes the public data set easy-VQA (5,000 pictures of 64 x 64, 48,248 questions; MIT) as LLaVA JSON and pictures.

    pip install easy-vqa==1.0
    python scripts/easy-vqa.py FOLDER

Source: https://github.com/vzhou842/easy-VQA. FOLDER gets train.json (38,575 rows), test.json (9,673) and images/.
"""

import json
import shutil
import sys
from pathlib import Path

import easy_vqa


def write_split(folder: Path, split: str, questions: tuple, pictures: dict[int, str]) -> int:
    """One row a question; its id tells the split, the picture and the question's place."""
    (folder / "images" / split).mkdir(parents=True, exist_ok=True)
    for number, path in pictures.items():
        shutil.copyfile(path, folder / "images" / split / f"{number}.png")
    rows = [
        {
            "id": f"{split}-{picture}-{place}",
            "image": f"{split}/{picture}.png",
            "conversations": [
                {"from": "human", "value": f"<image>\n{question}"},
                {"from": "gpt", "value": answer},
            ],
        }
        for place, (question, answer, picture) in enumerate(zip(*questions, strict=True))
    ]
    (folder / f"{split}.json").write_text(json.dumps(rows, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    return len(rows)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("Usage: python scripts/easy-vqa.py FOLDER")
    folder = Path(sys.argv[1])
    if folder.exists() and any(folder.iterdir()):
        sys.exit(f"{folder} is not empty. Give a folder that is new.")
    train = write_split(folder, "train", easy_vqa.get_train_questions(), easy_vqa.get_train_image_paths())
    test = write_split(folder, "test", easy_vqa.get_test_questions(), easy_vqa.get_test_image_paths())
    print(f"{folder}: {train} rows in train.json, {test} in test.json, pictures in images/.")


if __name__ == "__main__":
    main()
