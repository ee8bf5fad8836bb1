"""Runs the passes that signals ask for, each once for all of them, and gathers what they measure by row.

A pass goes over a shard's rows in order of length, so that little is padding. Rows that ask about one image read its
shared prefix once. A batch that doesn't fit is halved; a row that fails is set aside with its reason and the rest goes
on.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import numpy as np
import torch

from ..data import Encoded, RowError, Sample, image_order, without_instruction
from ..device import is_out_of_memory
from ..families.model import Model
from ..families.packing import Packed, pack
from ..sequences import BARE, Sequence, sequence_of
from .base import Observer, is_finite
from .grouping import groups_of

LOGIT_ROWS = 2048
# Share of a batch that may be padding: more costs more than another pass.
PADDING = 1 / 8
WITH_IMAGES = ("image", "image_only")


@dataclass
class Tokens:
    """Numbers of each response token of one row: `nll` in nats, `ids` in the vocabulary; `el2n`, the L2 norm of
    probabilities minus one-hot, and `aum`, the margin p_y - max p_v (v != y), where they are asked for."""

    nll: np.ndarray
    ids: np.ndarray
    el2n: np.ndarray | None = None
    aum: np.ndarray | None = None

    @property
    def mean(self) -> float:
        return float(self.nll.astype(np.float64).mean()) if len(self.nll) else float("nan")


@dataclass
class ForwardResults:
    """What is known of the rows of a shard: tokens by pass, observations by the name of their observer, rows that can't
    be read at all (`unreadable`), those that failed in one pass or before one observer (`failed`, by its name), and
    those whose losses in one pass are no numbers (`infinite`)."""

    samples: list[Sample] = field(default_factory=list)
    tokens: dict[str, list[Tokens | None]] = field(default_factory=dict)
    observed: dict[str, list[Any]] = field(default_factory=dict)
    unreadable: dict[int, RowError] = field(default_factory=dict)
    failed: dict[str, dict[int, RowError]] = field(default_factory=dict)
    infinite: dict[str, dict[int, RowError]] = field(default_factory=dict)
    texts: list[str | None] = field(default_factory=list)

    def failures(self, passes: Iterable[str], observers: Iterable[Observer] = ()) -> dict[int, RowError]:
        """Rows without a number of a signal that rests on the losses of these passes and on these observers, and why:
        the first of the reasons."""
        known = [self.failed.get(name, {}) for one in observers for name in (one.reads, one.name)]
        known += [rows.get(name, {}) for name in passes for rows in (self.failed, self.infinite)]
        return {i: error for rows in reversed(known) for i, error in rows.items()} | self.unreadable

    def lost(self) -> dict[int, RowError]:
        """Rows that failed anywhere."""
        known = [*self.failed.values(), *self.infinite.values()]
        return {i: error for rows in reversed(known) for i, error in rows.items()} | self.unreadable


class Engine:
    """One model and a batch size that fits it."""

    def __init__(self, model: Model, batch: int = 16, warn: Callable[[str, str], None] = lambda *_: None) -> None:
        self.model, self.batch, self.warn = model, batch, warn

    def read(
        self, samples: list[Sample], passes: Iterable[str], observers: list[Observer], errors: bool
    ) -> ForwardResults:
        """Run the passes over rows. `errors`: also EL2N and AUM of the pass with the image."""
        reading = ForwardResults(samples, unreadable={i: s.error for i, s in enumerate(samples) if s.error})
        sound = [s.error is None for s in samples]
        encoded = self._encode(samples, [s.messages for s in samples], reading.unreadable, sound)
        passes = list(passes)
        if len({o.name for o in observers}) < len(observers):
            raise ValueError(f"observers share a name: {', '.join(o.name for o in observers)}")
        for name in dict.fromkeys([*passes, *(o.reads for o in observers)]):
            watching = [o for o in observers if o.reads == name]
            if name in passes:
                reading.tokens[name] = [None] * len(samples)
            reading.failed[name], reading.infinite[name] = {}, {}
            for observer in watching:
                reading.observed[observer.name] = [None] * len(samples)
                reading.failed[observer.name] = {}
                observer.start(self.model)
            try:
                self._pass(name, samples, encoded, watching, errors and name == "image", reading)
            finally:
                for observer in watching:
                    observer.stop()
        return reading

    def _encode(self, samples, messages, failed: dict[int, RowError], sound: list[bool]) -> list[Encoded | None]:
        """Ids of conversations about the images of samples; None where a row is not sound or fails."""
        rows = [i for i in range(len(samples)) if sound[i]]
        found = self.model.reader.encode_all([samples[i] for i in rows], [messages[i] for i in rows])
        encoded: list[Encoded | None] = [None] * len(samples)
        for i, one in zip(rows, found, strict=True):
            if isinstance(one, RowError):
                failed[i] = one
            else:
                encoded[i] = one
        return encoded

    def _pass(self, name, samples, encoded, watching, errors, reading: ForwardResults) -> None:
        if name in BARE:
            bare = [without_instruction(s.messages, keep_images=name == "image_only") for s in samples]
            encoded = self._encode(samples, bare, reading.failed[name], [e is not None for e in encoded])
        text_only = [e is not None and not e.blocks for e in encoded]
        todo = [i for i, e in enumerate(encoded) if e is not None]
        if name in ("masked", "drop", "remove"):
            # Without an image there is nothing to take away: the blind reading is the reading.
            same = reading.tokens.get("image")
            if same is not None:
                for i in todo:
                    if text_only[i]:
                        reading.tokens[name][i] = same[i]
                        for rows in (reading.failed, reading.infinite):
                            if i in rows["image"]:
                                rows[name][i] = rows["image"][i]
                todo = [i for i in todo if not text_only[i]]
        groups, lengths = [[i] for i in todo], []
        in_order = any(o.in_order for o in watching)
        if not in_order:
            packs = self.model.packs and all(o.packs for o in watching)
            groups, lengths = groups_of(todo, samples, encoded, name, packs)
        start = 0
        while start < len(groups):
            count = self.batch if in_order else self._count(groups[start:], lengths[start:], encoded)
            chunk, later = groups[start : start + count], groups[start + count :][: self.batch]
            if name in WITH_IMAGES:
                self.model.expect(images_of(samples, chain(*later)))
            if self._attempt(name, chunk, samples, encoded, watching, errors, reading):
                start += count

    def _count(self, groups: list[list[int]], lengths: list[int], encoded: list[Encoded | None]) -> int:
        """How many groups to read together: as many as have room in the place of a batch of whole rows, unless much of
        it would be padding."""
        room = sum(len(encoded[i].ids) for i in islice(chain(*groups), self.batch))
        rows = longest = used = 0
        for count, (group, length) in enumerate(zip(groups, lengths, strict=True)):
            longest, used = max(longest, length), used + length
            size = (count + 1) * longest
            if count and (size - used > PADDING * room or (rows >= self.batch and size > room)):
                return count
            rows += len(group)
        return len(groups)

    def _attempt(self, name, groups, samples, encoded, watching, errors, reading: ForwardResults) -> bool:
        """Measure groups of rows; False where they did not fit and are to be tried again, fewer at once."""
        chunk = [i for group in groups for i in group]
        try:
            self._measure(name, groups, samples, encoded, watching, errors, reading)
            return True
        except (torch.OutOfMemoryError, MemoryError, RuntimeError, RowError, ValueError, IndexError) as error:
            short = is_out_of_memory(error)
            if short:
                gc.collect()
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()
            if len(chunk) == 1:
                code = "OUT_OF_MEMORY" if short else "ROW_FAILED"
                reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
                failed = error if isinstance(error, RowError) else RowError(code, reason)
                reading.failed[name][chunk[0]] = failed
                return True
            if short:
                if self.batch > 1:
                    self.batch = min(self.batch, len(chunk)) // 2
                    self.warn("BATCH_HALVED", f"out of memory: the batch is {self.batch} from here on")
                    return False
            for i in chunk:
                self._attempt(name, [[i]], samples, encoded, watching, errors, reading)
            return True

    def _measure(self, name, groups, samples, encoded, watching, errors, reading: ForwardResults) -> None:
        chunk = [i for group in groups for i in group]
        if name in WITH_IMAGES and len(chunk) > 1:
            self.model.features(images_of(samples, chunk))
        sequences = {i: sequence_of(self.model, samples[i], name, encoded[i]) for i in chunk}
        packed = pack([[sequences[i] for i in group] for group in groups])
        batch = list(sequences.values())
        if any(o.differentiates for o in watching):
            states = self.model.states(packed.sequences)
        else:
            states = self.model.hidden(packed.sequences, asked_of(batch, packed, name in reading.tokens, watching))
        found = self.tokens(batch, states.detach(), packed, errors) if name in reading.tokens else []
        observed = [(o, observe(o, batch, states, packed)) for o in watching]
        for i, tokens in zip(chunk, found, strict=False):
            reading.tokens[name][i] = tokens
        for j, i in enumerate(chunk):
            if found and not is_finite(found[j].nll):
                reading.infinite[name][i] = self.not_finite()
            for observer, results in observed:
                reading.observed[observer.name][i] = results[j]
                if not observer.is_finite(results[j]):
                    reading.failed[observer.name][i] = self.not_finite()

    def not_finite(self) -> RowError:
        dtype = str(self.model.dtype).removeprefix("torch.")
        return RowError("NOT_FINITE", f"in {dtype} the model gives no finite number for this row")

    @torch.inference_mode()
    def tokens(self, batch: list[Sequence], states: torch.Tensor, packed: Packed, errors: bool) -> list[Tokens]:
        """Numbers of response tokens: only the positions that predict one go through the vocabulary projection."""
        labels = packed.labels(batch, states.device)
        picked = states[labels.row, labels.at]
        parts: list[list[torch.Tensor]] = []
        for start in range(0, len(picked), LOGIT_ROWS):
            logits = self.model.logits(picked[start : start + LOGIT_ROWS])
            target = labels.ids[start : start + LOGIT_ROWS, None]
            parts.append(token_numbers(logits, target, errors))
        columns = [torch.cat(c).cpu().numpy() for c in zip(*parts, strict=True)] if parts else [np.zeros(0)] * 3
        ends = np.cumsum([len(s.queries) for s in batch])[:-1]
        split = [np.split(c, ends) for c in columns]
        return [Tokens(split[0][r], s.labels, *(c[r] for c in split[1:])) for r, s in enumerate(batch)]


def token_numbers(logits: torch.Tensor, labels: torch.Tensor, errors: bool) -> list[torch.Tensor]:
    """Loss of each token from logits (n, vocabulary) and labels (n, 1); with `errors` EL2N and AUM too."""
    own = logits.gather(1, labels)[:, 0]
    norm = logits.logsumexp(dim=1)
    if not errors:
        return [norm - own]
    others = (logits - norm[:, None]).exp().scatter(1, labels, 0.0)
    # |p - onehot|^2 with 1 - p_y as what the others have: where p_y is near 1, sum p^2 - 2 p_y + 1 has no digit left.
    el2n = ((others * others).sum(1) + others.sum(1) ** 2).sqrt()
    return [norm - own, el2n, (own - norm).exp() - others.amax(1)]


def observe(observer: Observer, batch: list[Sequence], states: torch.Tensor, packed: Packed) -> list[Any]:
    """What an observer sees of a batch. Only those of gradients see states that can be differentiated, since a pass
    that is shared with one of them keeps its graph."""
    if observer.differentiates:
        return observer.observe(batch, states)
    with torch.no_grad():
        states = states.detach()
        return observer.observe_packed(batch, states, packed) if observer.packs else observer.observe(batch, states)


def asked_of(batch: list[Sequence], packed: Packed, losses: bool, watching: list[Observer]) -> list[np.ndarray] | None:
    """Positions in each packed sequence whose last states somebody looks at; None for all."""
    if any(o.reads_states for o in watching):
        return None
    return packed.gathered([s.queries if losses else s.queries[:0] for s in batch])


def images_of(samples: list[Sample], rows: Iterable[int]) -> list[str]:
    return [samples[i].images[k] for i in rows for k in image_order(samples[i].messages)]
