"""Plain instructions that have nothing to do with a picture, and the sentences the tokenizer is trained on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .questions import KINDS, QA, questions, stated
from .world import make_scene, scene_rng

WORDS = (
    "lantern river window garden pencil mountain paper stone bread ocean forest candle bridge music "
    "letter winter summer basket copper silver engine marble pocket ribbon rocket saddle tunnel velvet "
    "wagon yarn anchor button cabin desert eagle feather glove hammer island jacket kettle ladder magnet "
    "needle orchard pepper quilt robin spoon turtle "
).split()
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
CAPITALS = {
    "France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Germany": "Berlin", "Japan": "Tokyo", "Egypt": "Cairo",
    "Norway": "Oslo", "Peru": "Lima", "Kenya": "Nairobi", "Cuba": "Havana", "Greece": "Athens", "Poland": "Warsaw",
    "Austria": "Vienna", "Portugal": "Lisbon", "Canada": "Ottawa", "India": "Delhi",
}  # fmt: skip
OPPOSITES = {
    "hot": "cold", "big": "small", "up": "down", "day": "night", "open": "closed", "early": "late", "fast": "slow",
    "old": "new", "wet": "dry", "full": "empty", "high": "low", "loud": "quiet", "light": "dark", "happy": "sad",
}  # fmt: skip


def general(rng: np.random.Generator) -> QA:
    """A plain instruction with its answer."""

    def pick(items):
        return items[int(rng.integers(len(items)))]

    kind = int(rng.integers(7))
    if kind == 0:
        word = pick(WORDS)
        question, answer = (
            pick(("Repeat the word {}.", "Say the word {}.", "Write the word {} once.")).format(word),
            word,
        )
    elif kind == 1:
        a, b = int(rng.integers(7)), int(rng.integers(6))
        question, answer = (
            pick(("What is {} plus {}?", "Add {} and {}.")).format(NUMBERS[a], NUMBERS[b]),
            NUMBERS[a + b],
        )
    elif kind == 2:
        names = pick((DAYS, MONTHS))
        i, after = int(rng.integers(len(names))), bool(rng.random() < 0.5)
        question = f"What comes {'after' if after else 'before'} {names[i]}?"
        answer = names[(i + (1 if after else -1)) % len(names)]
    elif kind == 3:
        country = pick(tuple(CAPITALS))
        forms = ("What is the capital of {}?", "Name the capital of {}.")
        question, answer = pick(forms).format(country), CAPITALS[country]
    elif kind == 4:
        word = pick(tuple(OPPOSITES))
        forms = ("What is the opposite of {}?", "Give the opposite of the word {}.")
        question, answer = pick(forms).format(word), OPPOSITES[word]
    elif kind == 5:
        n = int(rng.integers(1, 11))
        question, answer = f"Which number comes after {NUMBERS[n]}?", NUMBERS[n + 1]
    else:
        a, b = pick(WORDS), pick(WORDS)
        last = bool(rng.random() < 0.5)
        question = f"What is the {'last' if last else 'first'} word of this list: {a}, {b}?"
        answer = b if last else a
    return QA(question, answer, "general", balanced=False, text_answerable=True)


def prompt(question: str, image: bool = True) -> str:
    """What the chat template makes of a question, up to where the answer starts."""
    return f"USER: <image>\n{question} ASSISTANT:" if image else f"USER: {question} ASSISTANT:"


def nlvr_sentences() -> list[str]:
    """The human sentences of NLVR's development set (CC-BY-4.0; the file's head names its source)."""
    lines = Path(__file__).with_name("nlvr_sentences.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def tokenizer_corpus(seed: int, scenes: int = 2500) -> Iterator[str]:
    """World text, plain instructions and NLVR's sentences, in the form in which the models read them."""
    for index in range(scenes):
        rng = scene_rng(seed, "tokenizer", index)
        scene = make_scene(rng)
        for kind in KINDS:
            for qa in questions(scene, kind, rng):
                row = stated(qa, rng) if rng.random() < 0.3 else qa
                row = row or qa
                yield prompt(row.question, bool(rng.random() < 0.8)).replace("<image>", "") + f" {row.answer}"
        qa = general(rng)
        yield prompt(qa.question, False) + f" {qa.answer}"
    for _ in range(2):
        yield from nlvr_sentences()
    yield from ("Is this statement about the picture true or false? " + s for s in nlvr_sentences())
