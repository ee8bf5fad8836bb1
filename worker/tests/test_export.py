"""The graphs that the exporter writes: plain ONNX Runtime gives the losses that `transformers` gives."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

ort = pytest.importorskip("onnxruntime")

from winnow_worker.export.fixtures import FAMILIES, write_fixture  # noqa: E402
from winnow_worker.export.graph import Graph, Weights  # noqa: E402
from winnow_worker.export.llama import read_decoder  # noqa: E402
from winnow_worker.export.vlm import export_vlm  # noqa: E402


@pytest.fixture(scope="module", params=FAMILIES)
def fixture(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("export") / request.param
    write_fixture(request.param, folder)
    return folder


def session(folder: Path, name: str) -> ort.InferenceSession:
    return ort.InferenceSession(folder / "onnx" / f"{name}.onnx", providers=["CPUExecutionProvider"])


def image_features(folder: Path, images: list[dict]) -> list[np.ndarray]:
    encoder = session(folder, "vision_encoder")
    pixels = np.fromfile(folder / "pixels.f32", np.float32)
    out, at = [], 0
    for image in images:
        shape = (image["tiles"], 3, image["size"], image["size"])
        count = int(np.prod(shape))
        feeds = {"pixel_values": pixels[at : at + count].reshape(shape)}
        at += count
        if len(encoder.get_inputs()) == 2:
            mask = np.zeros((image["tiles"], image["size"], image["size"]), bool)
            mask[:, : image["real"]["height"], : image["real"]["width"]] = True
            feeds = {"pixel_values": feeds["pixel_values"][None], "pixel_attention_mask": mask[None]}
        features = encoder.run(None, feeds)[0]
        out.append(features.reshape(-1, features.shape[-1]))
    return out


def test_standard_graphs_give_the_losses_of_transformers(fixture: Path) -> None:
    written = json.loads((fixture / "cases.json").read_text())
    features = image_features(fixture, written["images"])
    embed, decoder = session(fixture, "embed_tokens"), session(fixture, "decoder_model_merged")
    for case in written["cases"]:
        ids = np.array([case["ids"]], np.int64)
        x = embed.run(None, {"input_ids": ids})[0]
        if case["images"]:
            places = np.concatenate([np.arange(s["start"], s["end"]) for s in case["spans"]])
            x[0, places] = np.concatenate([features[i] for i in case["images"]])
        feeds = {"inputs_embeds": x, "attention_mask": np.ones_like(ids), "position_ids": np.arange(ids.size)[None]}
        for port in decoder.get_inputs():
            if port.name.startswith("past"):
                feeds[port.name] = np.zeros((1, port.shape[1], 0, port.shape[3]), np.float32)
        logits = torch.from_numpy(decoder.run(["logits"], feeds)[0][0]).double()
        logp = torch.log_softmax(logits, -1)
        got = [-logp[t - 1, ids[0, t]].item() for t in range(1, ids.size) if case["response"][t]]
        np.testing.assert_allclose(got, case["losses"]["multimodal"], atol=1e-4)


def test_weights_are_written_once(fixture: Path) -> None:
    stored = (fixture / "onnx" / "weights.bin").stat().st_size
    spans = set()
    for path in (fixture / "onnx").glob("*.onnx"):
        for tensor in onnx.load(path, load_external_data=False).graph.initializer:
            place = {entry.key: entry.value for entry in tensor.external_data}
            if place:
                assert place["location"] == "weights.bin"
                spans.add((int(place["offset"]), int(place["length"])))
    assert sum(length for _, length in spans) <= stored <= (fixture / "model.safetensors").stat().st_size


def test_plain_leaves_out_what_transformers_js_does_not_know(fixture: Path, tmp_path: Path) -> None:
    export_vlm(fixture, tmp_path, optimise=False)
    names = sorted(path.name for path in (tmp_path / "onnx").iterdir())
    assert names == ["decoder_model_merged.onnx", "embed_tokens.onnx", "vision_encoder.onnx", "weights.bin"]
    assert (tmp_path / "config.json").exists()


def test_auto_keeps_what_fp16_would_change() -> None:
    half, full = torch.tensor([0.5, 2.0]), torch.tensor([0.1, 2.0])
    weights = Weights("auto")
    assert weights.tensor(half).data_type == onnx.TensorProto.FLOAT16
    assert weights.tensor(full).data_type == onnx.TensorProto.FLOAT
    with pytest.raises(ValueError, match="fit fp16"):
        Weights("fp16").tensor(torch.tensor([1e6]))


def test_unknown_text_models_and_activations_are_refused() -> None:
    model = torch.nn.Module()
    model.config = type("Config", (), {"model_type": "mamba"})()
    with pytest.raises(ValueError, match="mamba"):
        read_decoder(model, torch.nn.Linear(1, 1))
    with pytest.raises(ValueError, match="swoosh"):
        Graph("g", Weights()).activation("x", "swoosh")
