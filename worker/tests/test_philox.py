"""The generator against Random123's known answers and the streams that the TypeScript twin is tested against."""

import json
from collections import Counter
from pathlib import Path

import pytest

from winnow_worker.philox import Random, hash_stream_name, philox4x32

VECTORS = json.loads((Path(__file__).parents[2] / "test/goldens/philox/vectors.json").read_text())


def test_known_answers_of_random123() -> None:
    for case in VECTORS["known_answers"]:
        assert list(philox4x32(case["counter"], case["key"])) == case["words"]


def test_streams_equal_the_typescript_twin() -> None:
    for case in VECTORS["streams"]:
        assert hash_stream_name(case["stream"]) == case["key"]
        random = Random(case["seed"], case["stream"])
        assert [random.word() for _ in case["words"]] == case["words"]
        assert [random.uniform() for _ in case["uniform"]] == case["uniform"]
        assert [random.below(10) for _ in case["below10"]] == case["below10"]
        assert [random.normal() for _ in case["normal"]] == pytest.approx(case["normal"], rel=1e-12)
        values = list(range(10))
        random.shuffle(values)
        assert values == case["shuffle10"]
        assert random.sample(20, 5) == case["sample20of5"]


def test_below_is_even() -> None:
    random = Random(1, "even")
    counts = Counter(random.below(7) for _ in range(7000))
    assert sum((counts[i] - 1000) ** 2 / 1000 for i in range(7)) < 22.5  # chi-square, 6 degrees, p = 0.001


def test_refuses_a_seed_out_of_range() -> None:
    with pytest.raises(ValueError, match="seed"):
        Random(-1, "x")
