"""Samples in, tensors out: the one place that decides what a model reads and what is trained or scored.

A conversation is rendered with the model's own chat template and tokenised with one placeholder token an image; each
placeholder is then replaced by the ids that the model's processor writes for that image. The placeholder is a token of
its own, so that the ids around it are those of the expanded text. What is trained is found on ids, never on text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .protocol import BAD_DATA, JobError


class RowError(Exception):
    """A row that can't be used; it is set aside with its code and reason, and the run goes on."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@dataclass
class Sample:
    """A row of the data set: messages as chat templates take them, and the files of its images in their order."""

    row: int
    id: str
    messages: list[dict[str, Any]]
    images: list[str]
    error: RowError | None = None


@dataclass
class Encoded:
    """A conversation as token ids.

    `ids`, `image` (true at image tokens), `trained` (true where the token is an answer's), `instruction` (true at the
    text of system and user turns, headers included): all of length L. `blocks`: start and end of each image's whole
    expansion (its frame included); `order`: which of the sample's images each block shows.
    """

    ids: np.ndarray
    image: np.ndarray
    trained: np.ndarray
    blocks: list[tuple[int, int]]
    order: list[int]
    extras: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def instruction(self) -> np.ndarray:
        """What is neither image nor trained."""
        inside = np.zeros(len(self.ids), dtype=bool)
        for start, end in self.blocks:
            inside[start:end] = True
        return ~inside & ~self.trained

    @property
    def scored(self) -> np.ndarray:
        """Positions whose loss is measured: the trained ones that some text precedes."""
        first = 0
        for start, end in self.blocks:
            first = end if start == first else first
        at = np.flatnonzero(self.trained)
        return at[at > first]


def read_samples(path: Path) -> Iterator[Sample]:
    """Samples of a JSON lines file: `row`, `id`, `messages` [{role, content: [{type: text, text} | {type: image,
    image: index}]}], `images` [path or data URI], and `error` {code, reason} where the row is known to be bad. Raises
    JobError."""
    with opened(path) as lines:
        for number, line in enumerate(lines, 1):
            yield parse_sample(line, f"{path}, line {number}")


def opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise JobError(BAD_DATA, "SAMPLES_UNREADABLE", str(error)) from error


def parse_sample(line: bytes, where: str) -> Sample:
    try:
        record = json.loads(line)
        known = record.get("error")
        error = RowError(known["code"], known["reason"]) if known else None
        return Sample(record["row"], record["id"], record["messages"], record["images"], error)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JobError(BAD_DATA, "SAMPLES_UNREADABLE", f"{where} holds no sample: {error}") from error


class SampleFile:
    """Samples of a JSON lines file by their place in it; only where each begins is kept in memory."""

    def __init__(self, path: Path) -> None:
        self.path, self.file = path, opened(path)
        self.starts = []
        at = 0
        for line in self.file:
            self.starts.append(at)
            at += len(line)

    def __getitem__(self, place: int) -> Sample:
        self.file.seek(self.starts[place])
        return parse_sample(self.file.readline(), f"{self.path}, line {place + 1}")


def image_order(messages: list[dict[str, Any]]) -> list[int]:
    """The sample's image of every image part, in order."""
    return [p["image"] for m in messages for p in m["content"] if p["type"] == "image"]


def without_instruction(messages: list[dict[str, Any]], keep_images: bool) -> list[dict[str, Any]]:
    """The conversation with its questions taken out: answers alone (IFD's direct score), or answers and images."""
    empty = {"type": "text", "text": ""}
    bare = []
    for message in messages:
        if message["role"] == "assistant":
            bare.append(message)
        elif message["role"] == "user":
            kept = [p for p in message["content"] if keep_images and p["type"] == "image"]
            bare.append({"role": "user", "content": [*kept, empty]})
    return bare


def beginnings(messages: list[dict[str, Any]]) -> list[tuple[list[dict[str, Any]], bool]]:
    """The parts of a conversation to render for `response_spans`: for each answer the turns before it, with the
    generation prompt (true), and unless it is the last turn the turns up to its end."""
    found = []
    for k, message in enumerate(messages):
        if message["role"] == "assistant":
            found.append((messages[:k], True))
            if k < len(messages) - 1:
                found.append((messages[: k + 1], False))
    return found


@dataclass
class Turn:
    """One answer as the template writes it: `before` (the text up to it, with the generation prompt) and `until` (up to
    its end), each with its ids; `ending`: what the template writes behind an answer. None where it refuses."""

    message: dict[str, Any]
    before: tuple[str, list[int]] | None
    until: tuple[str, list[int]] | None
    ending: str | None


def response_spans(
    whole: tuple[str, list[int]], turns: list[Turn], decode, marks: Callable[[], list[list[int]]]
) -> list[tuple[int, int]]:
    """Start and end of every answer in the ids of the whole conversation (images as single placeholders).

    For each answer, the ids of the turns before it with the generation prompt must begin the whole; the span ends with
    the turn, less trailing white space, so that the end-of-turn token is in and a line break behind it is out. Between
    the two must stand the answer and what ends a turn, nothing else: a template that ignores the generation prompt, or
    writes an empty thought, has its header there. Where this doesn't hold, `marks` (ids up to the start and the end of
    each of the template's `{% generation %}` blocks) are taken.
    """
    text, ids = whole

    def meet(prefix: list[int]) -> int | None:
        n = 0
        while n < min(len(prefix), len(ids)) and prefix[n] == ids[n]:
            n += 1
        return n if n == len(prefix) or not decode(prefix[n:]).strip() else None

    def span(before: list[int], until: list[int]) -> tuple[int, int] | None:
        start, end = meet(before), meet(until)
        if start is None or end is None or end < start:
            return None
        while end > start and not decode([ids[end - 1]]).strip():
            end -= 1
        return start, end

    spans = [
        span(turn.before[1], turn.until[1]) if turn.before and turn.until and is_answer_alone(text, turn) else None
        for turn in turns
    ]
    if None in spans:
        bounds = iter(marks())
        spans = [span(start, end) for start, end in zip(bounds, bounds, strict=True)]
    if None in spans:
        raise RowError("TEMPLATE_NO_LABELS", NO_LABELS)
    return spans


NO_LABELS = (
    "the chat template doesn't show where an answer begins: neither is its generation prompt all that stands before "
    "the answer, nor has it {% generation %} blocks"
)


def is_answer_alone(whole: str, turn: Turn) -> bool:
    """Whether a turn's text is its answer and what ends a turn, white space aside."""
    before, until = turn.before[0].rstrip(), turn.until[0].rstrip()
    if turn.ending is None or not until.startswith(before) or not whole.startswith(until):
        return False
    parts = turn.message["content"]
    shown = next((i for i, part in enumerate(parts) if part["type"] != "text"), len(parts))
    answer = squeeze("".join(part["text"] for part in parts[:shown]))
    found, ending = squeeze(until[len(before) :]), squeeze(turn.ending)
    if shown == len(parts):
        return found == answer + ending
    return found.startswith(answer) and found.endswith(ending)


def squeeze(text: str) -> str:
    """A text without its white space."""
    return "".join(text.split())
