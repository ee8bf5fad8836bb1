"""Feature signals of every family: what observers catch in batches is what the plain model shows one row at a time."""

from __future__ import annotations

from functools import cache
from os.path import commonprefix

import numpy as np
import pytest
import torch
from test_families import TOLERANCE, Pair
from tiny import FAMILIES

from winnow_worker.protocol import JobError
from winnow_worker.signals.attended import Magic, ScalSelect
from winnow_worker.signals.attention import Attention
from winnow_worker.signals.engine import Engine
from winnow_worker.signals.function_words import content_weights
from winnow_worker.signals.gradients import LastGradient
from winnow_worker.signals.loss import ErrorNorm
from winnow_worker.signals.questions import ASKED, ASKED_FOR, WITH_QUESTION, WITHOUT_QUESTION, Dics, Verdict, posed
from winnow_worker.signals.states import Coincide, DataTailor, Hidden, Rds, Visual


@pytest.fixture(scope="module", params=FAMILIES)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    torch.set_num_threads(1)
    return Pair(request.param, tmp_path_factory.mktemp("features"))


OPTIONS = {
    Attention: {"variant": "paper", "rows": "all"},
    Coincide: {"layers": []},
    Hidden: {"pool": "last"},
    Magic: {"layers": [], "neurons": []},
    ScalSelect: {"share": 0.9},
    Visual: {"layer": 0},
}


def made(kind: type):
    return kind(OPTIONS.get(kind, {}))


def measure(pair: Pair, signal) -> dict[str, np.ndarray]:
    engine = Engine(pair.model, 4)
    reading = engine.read(pair.rows, signal.passes, [signal.observer] if signal.observer else [], signal.errors)
    signal.ask(engine, reading)
    failed = reading.lost()
    assert not failed, {k: e.reason for k, e in failed.items()}
    columns = signal.columns(reading, pair.model)
    return {
        k: c.data if c.kind == "text" else np.asarray(c.data).reshape(len(pair.rows), -1) for k, c in columns.items()
    }


class Seen:
    """One plain forward pass: states, attention maps of eager attention, and what modules took in and gave out."""

    def __init__(self, pair: Pair, row: int) -> None:
        plain, sample = pair.plain, pair.rows[row]
        full, trained = plain.inputs(sample, sample.messages)
        inner = plain.net.model
        layers = (getattr(inner, "language_model", None) or inner.text_model).layers
        self.out, self.attention, self.neurons, hooks = [], [], [], []
        for layer in layers:
            hooks.append(layer.register_forward_hook(lambda _m, _i, out: self.out.append(first(out))))
            hooks.append(layer.self_attn.register_forward_hook(lambda _m, _i, out: self.attention.append(first(out))))
            hooks.append(
                layer.mlp.down_proj.register_forward_hook(lambda _m, given, _o: self.neurons.append(given[0][0]))
            )
        with torch.inference_mode():
            found = inner(**full, use_cache=False, output_attentions=True, output_hidden_states=True)
        for hook in hooks:
            hook.remove()
        self.maps = [m[0] for m in found.attentions]
        self.input, self.last = found.hidden_states[0][0], found.last_hidden_state[0]
        self.image = plain.image_mask(full).numpy()
        self.trained = np.isin(np.arange(len(self.last)), trained)
        inside = np.zeros(len(self.last), dtype=bool)
        frames = plain.frames(sample, sample.messages)
        for start, end in frames:
            inside[start:end] = True
        self.instruction = ~inside & ~self.trained
        behind = np.arange(len(self.last)) >= (frames[0][1] if frames else 1 << 30)
        self.text = ~inside & behind


@cache
def plain_pass(pair: Pair, row: int) -> Seen:
    return Seen(pair, row)


def first(out) -> torch.Tensor:
    return (out[0] if isinstance(out, tuple) else out)[0]


def each(pair: Pair, images_only: bool = False):
    for i in range(len(pair.rows)):
        seen = plain_pass(pair, i)
        if seen.image.any() or not images_only:
            yield i, seen


@pytest.mark.parametrize("pool", ["mean", "text", "answer", "last"])
def test_pooled_states(pair: Pair, pool: str) -> None:
    got = measure(pair, Hidden({"pool": pool}))["hidden"]
    for i, seen in each(pair):
        text = seen.instruction | seen.trained
        mask = {
            "mean": np.ones_like(text),
            "text": text,
            "answer": seen.trained,
            "last": np.arange(len(text)) == len(text) - 1,
        }
        np.testing.assert_allclose(got[i], seen.last[mask[pool]].mean(0), atol=TOLERANCE)


def test_errors_of_probabilities(pair: Pair) -> None:
    got = measure(pair, ErrorNorm({}))
    want = np.array([pair.plain.errors(sample) for sample in pair.rows])
    np.testing.assert_allclose(np.concatenate([got["el2n"], got["aum"]], axis=1), want, atol=TOLERANCE)


def test_position_weighted_states(pair: Pair) -> None:
    got = measure(pair, Rds({}))["rds"]
    for i, seen in each(pair):
        weights = np.arange(1, len(seen.last) + 1) / sum(range(1, len(seen.last) + 1))
        mean = (torch.from_numpy(weights)[:, None] * seen.last.double()).sum(0)
        np.testing.assert_allclose(got[i], mean / mean.norm(), atol=TOLERANCE)


def test_concept_skill_features(pair: Pair) -> None:
    got = measure(pair, Coincide({"layers": [0, 2]}))["coincide"]
    for i, seen in each(pair):
        if not seen.image.any():
            assert np.isnan(got[i]).all()
            continue
        halves = [torch.tanh(seen.attention[k][m].mean(0)) for k in (0, 2) for m in (seen.image, seen.text)]
        want = torch.cat([h / h.norm() for h in halves]) / 2
        np.testing.assert_allclose(got[i], want, atol=TOLERANCE)
        assert np.linalg.norm(got[i]) == pytest.approx(1, abs=1e-5)


def test_visual_tokens(pair: Pair) -> None:
    deep = measure(pair, Visual({"layer": 2}))["visual"]
    flat = measure(pair, Visual({"layer": 0}))["visual"]
    for i, seen in each(pair, images_only=True):
        np.testing.assert_allclose(deep[i], seen.out[1][seen.image].mean(0), atol=TOLERANCE)
        if pair.plain.kind != "paligemma":  # it scales its input inside
            np.testing.assert_allclose(flat[i], seen.input[seen.image].mean(0), atol=TOLERANCE)


def test_what_the_instruction_looks_at(pair: Pair) -> None:
    got = measure(pair, ScalSelect({"share": 0.9}))["vision_repr"]
    for i, seen in each(pair, images_only=True):
        looked = seen.maps[0].mean(0)[seen.instruction][:, seen.image].mean(0).numpy()
        share = looked / looked.sum() if looked.sum() > 0 else np.full_like(looked, 1 / len(looked))
        order = np.argsort(-share, kind="stable")
        count = int((np.cumsum(share[order]) <= np.float32(0.9)).sum()) + 1
        np.testing.assert_allclose(got[i], seen.out[0][seen.image][order[:count]].mean(0), atol=TOLERANCE)


def test_bridging_and_neurons(pair: Pair) -> None:
    got = measure(pair, Magic({"layers": [0, 2], "neurons": [1, 3]}))
    for i, seen in each(pair):
        if not seen.image.any():
            assert np.isnan(got["bridging"][i]).all() and got["signature"][i] is None
            continue
        looked = torch.stack([seen.maps[k].mean(0) for k in (0, 2)]).mean(0)[seen.trained][:, seen.image].double()
        mass = looked.sum(1)
        share = looked / mass[:, None]
        entropy = -(share * share.log()).nan_to_num().sum(1)
        want = (mass * (1 - entropy / (np.log(looked.shape[1]) or 1))).mean()
        np.testing.assert_allclose(got["bridging"][i], want, atol=TOLERANCE)
        active = [seen.neurons[k][seen.trained].mean(0) for k in (0, 2)]
        ids = [sorted(a.argsort(descending=True)[:n].tolist()) for a, n in zip(active, (1, 3), strict=True)]
        assert got["signature"][i] == "|".join(f"{k}:{','.join(map(str, n))}" for k, n in zip((0, 2), ids, strict=True))


def test_layers_that_the_model_lacks_are_refused(pair: Pair) -> None:
    for signal in (
        Coincide({"layers": [0, 9]}),
        Visual({"layer": 4}),
        Magic({"layers": [0, 9], "neurons": [1, 1]}),
        Magic({"layers": [0, 1], "neurons": [1]}),
    ):
        with pytest.raises(JobError, match="layer"):
            signal.observer.start(pair.model)


def test_signals_that_share_a_pass_are_those_measured_alone(pair: Pair) -> None:
    """Two of them watch attention, all read the states of one forward pass."""
    kinds = (Magic, ScalSelect, Coincide, Hidden, Rds, DataTailor, ErrorNorm, Attention)
    agree(pair, kinds, [made(kind) for kind in kinds])


def test_signals_share_a_pass_with_gradients(pair: Pair) -> None:
    """Gradients keep the graph of the pass, which the others have nothing to do with."""
    gradients = {"parameters": "lora", "rank": 2, "targets": ["q_proj"], "dims": 20, "projection": "sketch", "seed": 1}
    kinds = (Magic, ScalSelect, Coincide, Visual, Hidden, Rds, DataTailor, ErrorNorm, Attention)
    agree(pair, kinds, [*(made(kind) for kind in kinds), LastGradient(gradients)])


def agree(pair: Pair, kinds: tuple, together: list) -> None:
    """Signals in one pass are those measured alone."""
    engine = Engine(pair.model, 4)
    observers = [one.observer for one in together if one.observer]
    reading = engine.read(pair.rows, ["image"], observers, True)
    failed = reading.lost()
    assert not failed, {k: e.reason for k, e in failed.items()}
    for kind, one in zip(kinds, together, strict=False):
        alone = measure(pair, made(kind))
        for name, column in one.columns(reading, pair.model).items():
            if column.kind == "text":
                assert column.data == alone[name], name
            else:
                found = np.asarray(column.data).reshape(len(pair.rows), -1)
                np.testing.assert_allclose(found, alone[name], atol=TOLERANCE, err_msg=name)


def test_spectrum_of_token_states(pair: Pair) -> None:
    got = measure(pair, DataTailor({}))
    for i, seen in each(pair):
        values = torch.linalg.svdvals(seen.out[-1].double()).numpy()
        share = values / values.sum()
        entropy = -np.sum(share * np.log(np.maximum(share, 1e-300))) / np.log(len(share))
        np.testing.assert_allclose(got["informativeness"][i], entropy, atol=TOLERANCE)
        np.testing.assert_allclose(got["tau"][i], share.max(), atol=TOLERANCE)
        assert got["turns"][i] == len(turns(pair, i))


def turns(pair: Pair, i: int) -> list[tuple[str, str]]:
    said = ["".join(p["text"] for p in m["content"] if p["type"] == "text") for m in pair.rows[i].messages]
    said = said[1:] if pair.rows[i].messages[0]["role"] == "system" else said
    return list(zip(said[::2], said[1::2], strict=True))


def test_ratios_of_answer_and_question(pair: Pair) -> None:
    got = measure(pair, Dics({"blind": "masked", "functionWords": 0.1}))

    def loss(sample, how: str) -> float:
        nll = getattr(pair.plain, how)(sample)
        full, trained = pair.plain.inputs(sample, sample.messages)
        decode = pair.plain.processor.tokenizer.decode
        ids = full["input_ids"][0]
        weights = content_weights([decode([ids[t]], skip_special_tokens=True) for t in trained])
        return float((weights * nll).sum() / weights.sum())

    for i in (0, 5):
        vic, ric = [], []
        for x, y in turns(pair, i):
            one = posed(pair.rows[i], x, y)
            vic.append(np.exp(loss(one, "masked") - loss(one, "image")))
            prior = loss(posed(pair.rows[i], ASKED, x), "image")
            ric.append(np.exp(prior - loss(posed(pair.rows[i], ASKED_FOR.format(answer=y), x), "image")))
        np.testing.assert_allclose(got["vic"][i], np.mean(vic), rtol=1e-3)
        np.testing.assert_allclose(got["ric"][i], np.mean(ric), rtol=1e-3)
    assert np.isnan(got["vic"][4]).all()


def test_verdicts(pair: Pair) -> None:
    got = measure(pair, Verdict({}))
    for i in (0, 5):
        for name, prompt in (("verdict_question", WITH_QUESTION), ("verdict_answer", WITHOUT_QUESTION)):
            found = []
            for x, y in turns(pair, i):
                replies = {}
                for word in ("yes", "Yes", "YES", "no", "No", "NO"):
                    one = posed(pair.rows[i], prompt.format(question=x, answer=y), word)
                    full, trained = pair.plain.inputs(one, one.messages)
                    replies[word] = full["input_ids"][0, trained].tolist(), pair.plain.losses(full, trained)
                skip = len(commonprefix([ids for ids, _ in replies.values()]))
                no = {ids[skip] for word, (ids, _) in replies.items() if word.lower() == "no"}
                yes = {ids[skip]: np.exp(-nll[skip]) for ids, nll in replies.values()}
                found.append(sum(p for token, p in yes.items() if token not in no))
            np.testing.assert_allclose(got[name][i], np.mean(found), atol=TOLERANCE)


def test_words_of_grammar_weigh_little() -> None:
    pieces = ["The", " cat", "'s", " p", "aw", " is", " on", " it", ".", "</s>"]
    assert content_weights(pieces, 0.1).tolist() == [0.1, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1, 1]
    assert content_weights(["", " ", "?"]).tolist() == [0.1, 0.1, 0.1]
