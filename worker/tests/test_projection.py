"""The random projection: its draws are the generator's, the same however they are cut, and keep angles."""

import numpy as np
import pytest
import torch

from winnow_worker.philox import Random
from winnow_worker.shards import Column, half_block, to_arrow
from winnow_worker.signals.projection import Projection, philox_words


@pytest.mark.parametrize("seed", [0, 4294967295])
def test_words_are_those_of_the_generator(seed: int) -> None:
    stream = Random(seed, "projection/w")
    expected = [stream.word() for _ in range(40)]
    assert philox_words(seed, "projection/w", 0, 10).tolist() == expected
    assert philox_words(seed, "projection/w", 7, 3).tolist() == expected[28:]


def test_blocks_beyond_32_bits_use_the_second_counter() -> None:
    stream = Random(3, "x")
    stream._blocks = 2**32 + 5
    assert philox_words(3, "x", 2**32 + 5, 1).tolist() == [stream.word() for _ in range(4)]


@pytest.mark.parametrize("kind", ["rademacher", "normal"])
@pytest.mark.parametrize("dims", [1, 100, 256])
def test_projection_is_one_product_with_one_matrix(kind: str, dims: int) -> None:
    projection = Projection(dims, kind, 5)
    g = {n: torch.randn(3, d, generator=torch.Generator().manual_seed(d)) for n, d in (("a", 37), ("b", 500))}
    matrices = {n: projection.matrix(n, 0, v.shape[1]) for n, v in g.items()}
    assert not torch.equal(matrices["a"][:30], matrices["b"][:30])
    projection.step = 11
    expected = sum(g[n].double() @ matrices[n].double() for n in g) / dims**0.5
    assert torch.allclose(projection.project(g, 3).double(), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["rademacher", "normal"])
def test_entries_have_mean_0_and_variance_1_and_angles_are_kept(kind: str) -> None:
    projection = Projection(4096, kind, 1)
    entries = projection.matrix("w", 0, 64)
    assert abs(entries.mean()) < 0.01 and abs(entries.var() - 1) < 0.01
    x = torch.randn(2, 64, generator=torch.Generator().manual_seed(1))
    y = projection.project({"w": x}, 2)
    cosines = [torch.nn.functional.cosine_similarity(v[0], v[1], dim=0) for v in (x, y)]
    assert abs(cosines[0] - cosines[1]) < 0.05
    assert torch.allclose(y.norm(dim=1), x.norm(dim=1), rtol=0.06)


def test_a_sketch_adds_each_number_with_its_sign_and_keeps_angles() -> None:
    projection, stream = Projection(9, "sketch", 5), Random(5, "projection/a")
    g = torch.arange(1.0, 15.0)[None].repeat(2, 1)
    expected = torch.zeros(9)
    for value in g[0]:
        word = stream.word()
        expected[word * 9 >> 32] += value * (1 - 2 * (word & 1))
    assert torch.equal(projection.project({"a": g}, 2), expected.repeat(2, 1))
    x = torch.randn(2, 20000, generator=torch.Generator().manual_seed(1)) + 0.7
    y = Projection(4096, "sketch", 1).project({"w": x}, 2)
    cosines = [torch.nn.functional.cosine_similarity(v[0], v[1], dim=0) for v in (x, y)]
    assert abs(cosines[0] - cosines[1]) < 0.05
    assert torch.allclose(y.norm(dim=1), x.norm(dim=1), rtol=0.06)


def test_half_blocks_keep_11_bits_of_vectors_of_any_length() -> None:
    rng = np.random.default_rng(0)
    for length in (1e-30, 1e-6, 1.0, 1e9, 1e30):
        row = (rng.normal(size=50) * length).astype(np.float32)
        scale = np.frombuffer(half_block(row)[:4], "<f4")[0]
        back = np.frombuffer(half_block(row)[4:], "<f2").astype(np.float64) * scale
        assert np.abs(back - row).max() <= np.abs(row).max() * 2**-11
    rows = np.array([[0, 0, 0], [np.nan] * 3], dtype=np.float32)
    assert to_arrow(Column("f16", 3, rows)).to_pylist() == [half_block(rows[0]), None]
