"""ONNX graphs of the encoders give what `transformers` gives, with random weights of each family."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from transformers import BertConfig, BertModel, CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

from winnow_worker.export.__main__ import main
from winnow_worker.export.text_encoders import export_bert, export_clip, export_encoder, export_siglip

TEXT = dict(
    vocab_size=99, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    max_position_embeddings=24,
)  # fmt: skip
VISION = dict(
    hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8
)


def run(path: Path, feeds: dict[str, np.ndarray]) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


def scaled(model: torch.nn.Module) -> torch.nn.Module:
    """Weights large enough that outputs depend on every part."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.15 * torch.randn(p.shape, generator=generator))
    return model.eval()


def ids_of(seed: int, end: int, length: int = 12) -> np.ndarray:
    ids = np.random.default_rng(seed).integers(5, 90, (4, length))
    for row, position in enumerate((length - 1, 3, 7, 5)):
        ids[row, position] = end
        ids[row, position + 1 :] = 1
    return ids.astype(np.int64)


def test_bert(tmp_path: Path) -> None:
    model = scaled(BertModel(BertConfig(**TEXT)))
    model.save_pretrained(tmp_path)
    export_bert(tmp_path, tmp_path / "out")
    ids = ids_of(1, 97)
    mask = np.ones_like(ids)
    mask[1, 4:] = mask[2, 8:] = 0
    feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    got = run(tmp_path / "out" / "onnx" / "model.onnx", feeds)
    with torch.inference_mode():
        want = model(**{k: torch.from_numpy(v) for k, v in feeds.items()}).last_hidden_state.numpy()
    np.testing.assert_allclose(got[mask == 1], want[mask == 1], atol=1e-5)


@pytest.mark.parametrize("eos", [2, 97])
def test_clip(tmp_path: Path, eos: int) -> None:
    text = TEXT | {"eos_token_id": eos, "bos_token_id": 0, "pad_token_id": 1}
    model = scaled(CLIPModel(CLIPConfig(text_config=text, vision_config=VISION, projection_dim=20)))
    model.save_pretrained(tmp_path)
    export_clip(tmp_path, tmp_path)
    ids = ids_of(2, 97)
    pixels = np.random.default_rng(4).standard_normal((3, 3, 32, 32), dtype=np.float32)
    with torch.inference_mode():
        out = model(input_ids=torch.from_numpy(ids), pixel_values=torch.from_numpy(pixels))
    texts = run(tmp_path / "onnx" / "text_model.onnx", {"input_ids": ids})
    images = run(tmp_path / "onnx" / "vision_model.onnx", {"pixel_values": pixels})
    for got, want in ((texts, out.text_embeds), (images, out.image_embeds)):
        np.testing.assert_allclose(got / np.linalg.norm(got, axis=1, keepdims=True), want.numpy(), atol=1e-5)


def test_siglip(tmp_path: Path) -> None:
    text = TEXT | {"projection_size": 32}
    model = scaled(SiglipModel(SiglipConfig(text_config=text, vision_config=VISION)))
    model.save_pretrained(tmp_path)
    export_siglip(tmp_path, tmp_path)
    ids = ids_of(5, 97)
    pixels = np.random.default_rng(6).standard_normal((3, 3, 32, 32), dtype=np.float32)
    with torch.inference_mode():
        out = model(input_ids=torch.from_numpy(ids), pixel_values=torch.from_numpy(pixels))
    texts = run(tmp_path / "onnx" / "text_model.onnx", {"input_ids": ids})
    images = run(tmp_path / "onnx" / "vision_model.onnx", {"pixel_values": pixels})
    for got, want in ((texts, out.text_embeds), (images, out.image_embeds)):
        np.testing.assert_allclose(got / np.linalg.norm(got, axis=1, keepdims=True), want.numpy(), atol=1e-5)


def test_other_model_types_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ValueError, match="bert, clip, dinov2, siglip"):
        export_encoder(tmp_path, tmp_path)


def test_the_command_exports_encoders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    BertModel(BertConfig(**TEXT)).save_pretrained(tmp_path)
    monkeypatch.setattr("sys.argv", ["export", str(tmp_path), str(tmp_path / "out")])
    assert main() == 0
    assert (tmp_path / "out" / "onnx" / "model.onnx").exists()
    assert (tmp_path / "out" / "config.json").exists()
