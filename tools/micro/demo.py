"""The demo data set: about 2,000 questions about held-out scenes, with planted faults and their truth.

    python -m micro.demo examples/shapes

OUT gets `shapes.json` (LLaVA JSON), `images/` and `truth.json` (which row is faulty and how; which need the image).
Faulty rows are asked with the same templates as the sound ones and carry the same `source`, so that they share their
clusters; nothing in the data set itself says which they are.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .questions import BALANCED_KINDS, QA, distracted, questions, stated
from .text import WORDS, general
from .world import COLORS, SHAPES, Scene, make_scene, render, scene_rng

SEED = 42
SCENES = 560
COUNTS = {
    "visual": 1080,
    "description": 60,
    "text-answerable": 180,
    "wrong-image": 180,
    "near-duplicate": 120,
    "prior": 120,
    "off-topic": 140,
    "text-only": 60,
    "broken-file": 12,
}
FAULTS = [
    ("text-answerable", "Answerable without the image", "The question itself says the answer.", True),
    ("wrong-image", "Answer of another image", "The answer is right for another picture and wrong for this one.", True),
    ("near-duplicate", "Near-duplicate", "The same question about the same scene, moved by less than a pixel.", False),
    ("prior", "Guessable from the prior", "Stars are nearly always yellow in this world, so nobody has to look.", True),
    (
        "off-topic",
        "Nothing to do with the picture",
        "Asks to repeat a word. Such rows fill a cluster of their own: a rule with a share for each keeps some.",
        True,
    ),
    ("broken-file", "Broken image file", "Truncated, empty, missing, or no image at all.", False),
    ("corrupted-row", "Corrupted row", "The record can't be read as a conversation.", False),
]


@dataclass
class Row:
    """One record before it gets its id: `text` replaces the record where the row is corrupted."""

    source: str
    question: str
    answer: str
    image: str | None
    fault: str | None = None
    visual: bool = False
    text: str | None = None


def asked(scenes: list[Scene], rng: np.random.Generator, kinds: tuple[str, ...]) -> Iterator[tuple[int, QA]]:
    """Endless questions of the given kinds, each kind and each scene in turn; none is asked twice of a scene."""
    seen: set[tuple[int, str]] = set()
    while True:
        for index in rng.permutation(len(scenes)):
            kind = kinds[int(rng.integers(len(kinds)))]
            for qa in questions(scenes[index], kind, rng):
                if (int(index), qa.question) not in seen:
                    seen.add((int(index), qa.question))
                    yield int(index), qa


SORTS = {
    **dict.fromkeys(COLORS, "color"),
    **dict.fromkeys(SHAPES, "shape"),
    **dict.fromkeys(("yes", "no"), "yes/no"),
    **dict.fromkeys(("small", "large"), "size"),
    **dict.fromkeys(("top left", "top right", "bottom left", "bottom right"), "corner"),
}


def sort_of(qa: QA) -> tuple[str, str]:
    """Questions whose answers can be exchanged: one kind, one sort of answer."""
    return qa.kind, SORTS.get(qa.answer, "number" if qa.answer.isdigit() else "object")


def jitter(scene: Scene, rng: np.random.Generator) -> Scene:
    """The same scene with every object moved by less than a pixel."""
    moved = (
        dataclasses.replace(o, x=o.x + float(rng.uniform(-0.8, 0.8)), y=o.y + float(rng.uniform(-0.8, 0.8)))
        for o in scene.objects
    )
    return dataclasses.replace(scene, objects=tuple(moved))


def readable_rows(scenes: list[Scene], rng: np.random.Generator) -> tuple[list[Row], list[tuple[str, Scene]]]:
    """Rows whose records are fine, and the extra pictures that near-duplicates need."""

    def name(index: int) -> str:
        return f"images/{index:04d}.png"

    rows: list[Row] = []
    extra: list[tuple[str, Scene]] = []
    stream = asked(scenes, rng, BALANCED_KINDS)
    pools: dict[tuple[str, str], list[str]] = {}
    visual: list[tuple[int, QA]] = []
    while len(visual) < COUNTS["visual"]:
        index, qa = next(stream)
        if rng.random() < 0.3:
            others = questions(scenes[index], str(rng.choice(BALANCED_KINDS)), rng)
            qa = (distracted(qa, others[0]) if others else None) or qa
        visual.append((index, qa))
        pools.setdefault(sort_of(qa), []).append(qa.answer)
        rows.append(Row(qa.kind, qa.question, qa.answer, name(index), visual=True))
    while sum(r.fault == "text-answerable" for r in rows) < COUNTS["text-answerable"]:
        index, qa = next(stream)
        told = stated(qa, rng)
        if told:
            rows.append(Row(qa.kind, told.question, told.answer, name(index), fault="text-answerable"))
    while sum(r.fault == "wrong-image" for r in rows) < COUNTS["wrong-image"]:
        index, qa = next(stream)
        wrong = sorted({a for a in pools.get(sort_of(qa), []) if a != qa.answer})
        if wrong:
            rows.append(Row(qa.kind, qa.question, str(rng.choice(wrong)), name(index), fault="wrong-image"))
    for k in range(COUNTS["near-duplicate"]):
        index, qa = visual[int(rng.integers(len(visual)))]
        picture = f"images/{index:04d}-{k:03d}.png"
        extra.append((picture, jitter(scenes[index], rng)))
        rows.append(Row(qa.kind, qa.question, qa.answer, picture, fault="near-duplicate"))
    priors = asked(scenes, rng, ("prior",))
    while sum(r.fault == "prior" for r in rows) < COUNTS["prior"]:
        index, qa = next(priors)
        if qa.answer == "yellow":
            rows.append(Row("attribute", qa.question, qa.answer, name(index), fault="prior"))
    descriptions = asked(scenes, rng, ("description",))
    for index, qa in (next(descriptions) for _ in range(COUNTS["description"])):
        rows.append(Row("description", qa.question, qa.answer, name(index)))
    for _ in range(COUNTS["off-topic"]):
        word = str(rng.choice(WORDS))
        form = str(rng.choice(("Repeat the word {}.", "Say the word {}.", "Write the word {} once.")))
        rows.append(Row("chat", form.format(word), word, name(int(rng.integers(len(scenes)))), fault="off-topic"))
    while sum(r.image is None for r in rows) < COUNTS["text-only"]:
        qa = general(rng)
        if " word " not in qa.question:
            rows.append(Row("chat", qa.question, qa.answer, None))
    return rows, extra


def broken_files(scenes: list[Scene], rng: np.random.Generator, out: Path) -> list[Row]:
    """Rows whose image can't be decoded: cut short, empty, text named .png, missing."""
    rows = []
    stream = asked(scenes, rng, ("attribute", "existence"))
    for k in range(COUNTS["broken-file"]):
        index, qa = next(stream)
        picture = f"images/broken-{k:02d}.png"
        whole = (out / f"images/{index:04d}.png").read_bytes()
        content = (whole[: len(whole) // 2], b"", b"this is not an image\n", None)[k % 4]
        if content is not None:
            (out / picture).write_bytes(content)
        rows.append(Row(qa.kind, qa.question, qa.answer, picture, fault="broken-file"))
    return rows


def corrupted_rows() -> list[Row]:
    """Rows that are no conversation: no turns, wrong types, more placeholders than images, invalid JSON."""
    image, human = '"image": "images/0000.png"', '{"from": "human", "value": "<image>\\nWhat color is the circle?"}'
    gpt = '{"from": "gpt", "value": "red"}'
    bodies = (
        f"{image}",
        f'{image}, "conversations": null',
        f'{image}, "conversations": "What color is the circle?"',
        f'{image}, "conversations": [{human}, {{"from": "gpt"}}]',
        f'{image}, "conversations": [{human.replace("<image>", "<image><image>")}, {gpt}]',
        f'{image}, "conversations": [{human}, {{"from": "gpt" "value": "red"}}]',
        f'{image}, "conversations": [{human}, {{"from": "robot", "value": "red"}}]',
        f'{image}, "conversations": []',
        f'{image}, "conversations": [{human}, {{"from": "gpt", "value": nil}}]',
        f'"image": 7, "conversations": [{human}, {gpt}]',
    )
    return [Row("attribute", "", "", None, fault="corrupted-row", text=body) for body in bodies]


def record(row: Row, ident: str) -> str:
    """The row's JSON."""
    if row.text is not None:
        return f'{{"id": "{ident}", "source": "{row.source}", {row.text}}}'
    human = f"<image>\n{row.question}" if row.image else row.question
    entry: dict[str, object] = {"id": ident, "source": row.source}
    if row.image:
        entry["image"] = row.image
    entry["conversations"] = [{"from": "human", "value": human}, {"from": "gpt", "value": row.answer}]
    return json.dumps(entry)


def make_demo(out: Path, seed: int = SEED) -> int:
    """Write the data set; the same seed gives the same bytes. Returns the number of rows."""
    shutil.rmtree(out / "images", ignore_errors=True)
    (out / "images").mkdir(parents=True)
    scenes = [make_scene(scene_rng(seed, "demo", i)) for i in range(SCENES)]
    rng = scene_rng(seed, "demo", SCENES)
    rows, extra = readable_rows(scenes, rng)
    used = {row.image for row in rows} | {"images/0000.png"}
    pictures = [(f"images/{i:04d}.png", scene) for i, scene in enumerate(scenes)] + extra
    for path, scene in pictures:
        Image.fromarray(render(scene)).save(out / path, optimize=True)
    rows += broken_files(scenes, rng, out) + corrupted_rows()
    for path, _ in pictures:
        if path not in used:
            (out / path).unlink()
    order = rng.permutation(len(rows))
    named = [(f"shapes-{k:04d}", rows[int(i)]) for k, i in enumerate(order)]
    records = [record(row, ident) for ident, row in named]
    (out / "shapes.json").write_text("[\n" + ",\n".join(records) + "\n]\n")
    truth = {
        "faults": [{"key": k, "title": t, "about": a, "separable": s} for k, t, a, s in FAULTS],
        "rows": {
            ident: {"fault": row.fault} if row.fault else {"visual": True}
            for ident, row in named
            if row.fault or row.visual
        },
    }
    (out / "truth.json").write_text(json.dumps(truth, indent=0) + "\n")
    return len(rows)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=SEED)
    args = parser.parse_args()
    print(f"{make_demo(args.out, args.seed)} rows in {args.out / 'shapes.json'}")


if __name__ == "__main__":
    main()
