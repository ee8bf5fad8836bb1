"""Signals that put each turn of a row to the model as a question of its own: DICS' ratios of losses and CVS' verdicts.

Each turn becomes a conversation of one question and one answer with the row's images; a row's value is the mean over
its turns. Rows without an image have none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from ..data import Sample, image_order
from ..families.model import Model
from ..sequences import Sequence
from ..shards import Column
from .base import Signal
from .engine import Engine, ForwardResults, Tokens
from .function_words import content_weights
from .observers import Hooked
from .states import NAN

ASKED = "Write a question about this picture."
ASKED_FOR = "{answer}\nWrite the question about this picture that this answers."
WITH_QUESTION = "Question: {question}\nAnswer: {answer}\nIs this answer right? Reply yes or no."
WITHOUT_QUESTION = "Answer: {answer}\nIs this a right answer about this picture? Reply yes or no."


def turns_of(sample: Sample) -> list[tuple[str, str]]:
    """Text of each question and of the answer behind it."""
    found, question = [], ""
    for message in sample.messages:
        text = "".join(p["text"] for p in message["content"] if p["type"] == "text").strip()
        if message["role"] == "user":
            question = text
        elif message["role"] == "assistant":
            found.append((question, text))
    return found


def posed(sample: Sample, question: str, answer: str) -> Sample:
    """The row's images, in their order, with one question and one answer."""
    images = [{"type": "image", "image": i} for i in image_order(sample.messages)]
    user = {"role": "user", "content": [*images, {"type": "text", "text": question}]}
    reply = {"role": "assistant", "content": [{"type": "text", "text": answer}]}
    return replace(sample, messages=[user, reply])


class PerTurn(Signal):
    """A signal of conversations made from each turn. `readings` holds one reading a form of conversation; `rows`: the
    row that each made conversation belongs to."""

    forms: dict[str, Callable[[str, str], tuple[str, str]]] = {}

    def ask(self, engine: Engine, reading: ForwardResults) -> None:
        """Read every turn of every row with an image in each form. What fails is a failure of its row."""
        self.rows, turns = [], []
        for i, sample in enumerate(reading.samples):
            if i in reading.unreadable or not image_order(sample.messages):
                continue
            for turn in turns_of(sample):
                self.rows.append(i)
                turns.append((sample, turn))
        self.readings = {}
        for name, form in self.forms.items():
            made = [posed(sample, *form(*turn)) for sample, turn in turns]
            self.readings[name] = self.read(engine, name, made)
            for j, error in self.readings[name].lost().items():
                self.failed.setdefault(self.rows[j], error)

    def read(self, engine: Engine, name: str, made: list[Sample]) -> ForwardResults:
        raise NotImplementedError

    def mean_of(self, values: list[float], rows: int) -> Column:
        """Mean over the turns of each row."""
        sums, counts = np.zeros(rows), np.zeros(rows)
        np.add.at(sums, self.rows, values)
        np.add.at(counts, self.rows, 1)
        with np.errstate(invalid="ignore"):
            return Column("f32", 1, np.where(counts > 0, sums / counts, NAN).astype(np.float32))


class Dics(PerTurn):
    """`vic` = e^(L(y|x) - L(y|x,I)) and `ric` = e^(L(x|I) - L(x|y,I)), x the question and y the answer; tokens of
    function words weigh 0.1. For L(x|..) the question is the reply to a prompt."""

    name = "dics"

    forms = {
        "answer": lambda x, y: (x, y),
        "question": lambda x, y: (ASKED, x),
        "question-answer": lambda x, y: (ASKED_FOR.format(answer=y), x),
    }

    def __init__(self, params: dict) -> None:
        super().__init__(params)
        self.blind, self.low = params["blind"], params["functionWords"]
        self.weights: dict[str, list] = {}

    def read(self, engine: Engine, name: str, made: list[Sample]) -> ForwardResults:
        reading = engine.read(made, ["image", self.blind] if name == "answer" else ["image"], [], False)
        decode = engine.model.reader.tokenizer.decode
        self.weights[name] = [
            None if t is None else content_weights(self.pieces(engine.model, decode, sample), self.low)
            for sample, t in zip(made, reading.tokens["image"], strict=True)
        ]
        return reading

    def pieces(self, model: Model, decode, sample: Sample) -> list[str]:
        encoded = model.reader.encode(sample)
        return [decode([i], skip_special_tokens=True) for i in encoded.ids[encoded.scored]]

    def loss(self, name: str, how: str, j: int) -> float:
        tokens: Tokens | None = self.readings[name].tokens[how][j]
        weights = self.weights[name][j]
        if tokens is None or weights is None or not len(tokens.nll):
            return NAN
        return float(weights @ tokens.nll.astype(np.float64) / weights.sum())

    def columns(self, reading: ForwardResults, model: Model) -> dict[str, Column]:
        every, rows = range(len(self.rows)), len(reading.samples)
        vic = [np.exp(self.loss("answer", self.blind, j) - self.loss("answer", "image", j)) for j in every]
        ric = [np.exp(self.loss("question", "image", j) - self.loss("question-answer", "image", j)) for j in every]
        return {"vic": self.mean_of(vic, rows), "ric": self.mean_of(ric, rows)}


YES, NO = ("yes", "Yes", "YES"), ("no", "No", "NO")


class SaysYes(Hooked):
    """Probability that the reply begins as yes does, where replies of yes and no part: behind `skip` tokens that all of
    them begin with, with one of `tokens`."""

    def __init__(self, model: Model) -> None:
        self.model = model
        plain = Sample(0, "", [], [])
        yes, no = ([reply_ids(model, plain, word) for word in words] for words in (YES, NO))
        self.skip = 0
        while len({tuple(ids[: self.skip + 1]) for ids in [*yes, *no]}) == 1:
            self.skip += 1
        self.tokens = sorted({ids[self.skip] for ids in yes} - {ids[self.skip] for ids in no})

    def observe(self, batch: list[Sequence], states: torch.Tensor) -> list[float]:
        at = torch.tensor([int(s.queries[self.skip]) for s in batch], device=states.device)
        logits = self.model.logits(states[torch.arange(len(batch), device=states.device), at])
        wanted = logits[:, self.tokens].logsumexp(1) - logits.logsumexp(1)
        return wanted.exp().tolist()


def reply_ids(model: Model, sample: Sample, word: str) -> list[int]:
    """Ids of a reply as the template writes it, end of turn included."""
    encoded = model.reader.encode(posed(sample, "?", word))
    return encoded.ids[encoded.scored].tolist()


class Verdict(PerTurn):
    """`verdict_question` = P("yes" | image, question, answer), `verdict_answer` = P("yes" | image, answer) (CVS, arXiv
    2603.09715): the probability that the reply begins as yes, Yes or YES does."""

    name = "cvs"

    forms = {
        "verdict_question": lambda x, y: (WITH_QUESTION.format(question=x, answer=y), "Yes"),
        "verdict_answer": lambda x, y: (WITHOUT_QUESTION.format(answer=y), "Yes"),
    }

    def read(self, engine: Engine, name: str, made: list[Sample]) -> ForwardResults:
        return engine.read(made, ["image"], [SaysYes(engine.model)], False)

    def columns(self, reading: ForwardResults, model: Model) -> dict[str, Column]:
        rows = len(reading.samples)
        found = {}
        for name, one in self.readings.items():
            values = [NAN if p is None else p for p in one.observed[SaysYes.name]]
            found[name] = self.mean_of(values, rows)
        return found
