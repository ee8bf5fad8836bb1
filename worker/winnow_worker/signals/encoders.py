"""Embeddings of images and texts by encoders (CLIP, SigLIP, DINO, sentence encoders): unit vectors, as in process."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from ..data import RowError, Sample, image_order
from ..device import is_out_of_memory
from ..families.linear import widen_linear
from ..families.reader import opened, to_rgb
from ..shards import Column
from ..weights import UNREAD_OF_ENCODER, load_weights
from .sentence import SentenceHead, positions_of

NO_LIMIT = 10**9
SPACE = re.compile("[\\s\ufeff]+")


class Encoder:
    """An encoder of a folder. What does not fit is tried again with half the batch."""

    def __init__(self, folder: Path, media: Path, device: str, dtype: torch.dtype, batch: int) -> None:
        from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

        self.net = load_weights(AutoModel, folder, UNREAD_OF_ENCODER, dtype=dtype).to(device).eval()
        widen_linear(self.net)
        self.config, self.media, self.device, self.dtype = self.net.config, media, device, dtype
        self.batch = batch
        files = {p.name for p in folder.iterdir()}
        sees = {"preprocessor_config.json", "processor_config.json"} & files
        self.processor = AutoImageProcessor.from_pretrained(folder) if sees else None
        self.tokenizer = AutoTokenizer.from_pretrained(folder) if "tokenizer_config.json" in files else None
        self.contrastive = hasattr(self.net, "get_text_features")
        self.head = None
        if self.tokenizer is not None and not self.contrastive:
            self.head = SentenceHead(folder, device)
            # Decoders pad on the left where they write; states are pooled from the first token on.
            self.tokenizer.padding_side = "right"
        self.limit = self._limit()
        self.cut = 0

    def _limit(self) -> int:
        """Longest text in tokens: what the folder says, and no more than there are positions."""
        own = self.head.limit if self.head else None
        told = getattr(self.tokenizer, "model_max_length", None) or NO_LIMIT
        text = getattr(self.config, "text_config", self.config)
        table = positions_of(self.net)
        stated = int(getattr(text, "max_position_embeddings", 0) or 0)
        limit = min(own or told, table or stated or NO_LIMIT)
        return limit if limit < NO_LIMIT else 512

    def images(self, paths: list[str]) -> np.ndarray:
        """Unit vectors (n, d) of image files. Raises RowError for one that can't be read."""
        return self._whole(paths, self._images)

    def texts(self, texts: list[str]) -> np.ndarray:
        """Unit vectors (n, d) of texts."""
        return self._whole(texts, self._texts)

    def _whole(self, items: list[str], encode: Callable[[list[str]], torch.Tensor]) -> np.ndarray:
        found, start = [], 0
        while start < len(items):
            try:
                with torch.inference_mode():
                    vectors = encode(items[start : start + self.batch]).float()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or self.batch == 1:
                    raise
                self.batch //= 2
                continue
            found.append(torch.nn.functional.normalize(vectors, dim=-1).cpu().numpy())
            start += len(vectors)
        return np.concatenate(found)

    def _images(self, paths: list[str]) -> torch.Tensor:
        pictures = []
        for path in paths:
            with opened(path, self.media) as file:
                pictures.append(to_rgb(file))
        pixels = self.processor(images=pictures, return_tensors="pt")["pixel_values"].to(self.device, self.dtype)
        if hasattr(self.net, "get_image_features"):
            return pooled(self.net.get_image_features(pixel_values=pixels))
        return self.net(pixel_values=pixels).last_hidden_state[:, 0]

    def _texts(self, texts: list[str]) -> torch.Tensor:
        full = str(self.config.model_type).startswith("siglip")
        texts = [self.head.text(text) for text in texts] if self.head else texts
        inputs = self.tokenizer(
            texts, padding="max_length" if full else "longest", truncation=True, max_length=self.limit,
            return_tensors="pt",
        ).to(self.device)  # fmt: skip
        self._count_cut(texts, inputs["attention_mask"])
        if self.contrastive:
            # Both towers read short texts as they were trained: CLIP without what pads, SigLIP with it.
            given = {"input_ids": inputs["input_ids"]}
            if not full:
                given["attention_mask"] = inputs["attention_mask"]
            return pooled(self.net.get_text_features(**given))
        net = self.net.get_encoder() if self.config.is_encoder_decoder else self.net
        return self.head.vectors(net(**inputs).last_hidden_state.float(), inputs["attention_mask"])

    def _count_cut(self, texts: list[str], mask: torch.Tensor) -> None:
        """Count texts of which something was cut off: of those that fill the limit, the ones that are longer."""
        full = [texts[i] for i in torch.nonzero(mask.sum(1) >= self.limit).flatten().tolist()]
        if full:
            self.cut += sum(len(ids) > self.limit for ids in self.tokenizer(full, verbose=False)["input_ids"])


def pooled(out) -> torch.Tensor:
    """The embedding itself, which newer versions hand over among others."""
    return out if isinstance(out, torch.Tensor) else out.pooler_output


def text_of(sample: Sample, what: str) -> str:
    """The first question, the answers, or both; white space of any kind is one space."""

    def said(message: dict) -> str:
        return "".join(p["text"] for p in message["content"] if p["type"] == "text")

    asked = next((said(m) for m in sample.messages if m["role"] == "user"), "")
    answered = "\n".join(said(m) for m in sample.messages if m["role"] == "assistant")
    text = {"instruction": asked, "response": answered, "both": f"{asked} {answered}"}[what]
    return SPACE.sub(" ", text).strip()


class Embedding:
    """Column names of images and of texts, and which text; either may be None."""

    name = ""
    image: str | None = None
    text: str | None = None

    def __init__(self, params: dict) -> None:
        self.what = params["text"] if self.text else ""

    def embed(self, encoder: Encoder, samples: list[Sample]) -> tuple[dict[str, Column], dict[int, RowError]]:
        """Columns over the samples, and the rows that failed. With an image, only its rows have a text."""
        failed = {i: s.error for i, s in enumerate(samples) if s.error}
        found: dict[str, Column] = {}
        rows = [i for i in range(len(samples)) if i not in failed]
        if self.image:
            first = {i: samples[i].images[image_order(samples[i].messages)[0]] for i in rows if samples[i].images}
            vectors = self._readable(encoder, first, failed)
            rows = list(vectors)
            found[self.image] = column(vectors, len(samples))
        if self.text:
            texts = list(dict.fromkeys(text_of(samples[i], self.what) for i in rows))
            encoded = dict(zip(texts, encoder.texts(texts), strict=True)) if texts else {}
            chosen = {i: encoded[text_of(samples[i], self.what)] for i in rows}
            found[self.text if self.text != "*" else self.what] = column(chosen, len(samples))
        return found, failed

    def _readable(self, encoder: Encoder, first: dict[int, str], failed: dict[int, RowError]) -> dict[int, np.ndarray]:
        paths = list(dict.fromkeys(first.values()))
        try:
            known = dict(zip(paths, encoder.images(paths), strict=True)) if paths else {}
        except RowError:
            known = {}
            for path in paths:
                try:
                    known[path] = encoder.images([path])[0]
                except RowError as error:
                    failed |= {i: error for i, own in first.items() if own == path}
        return {i: known[path] for i, path in first.items() if path in known}


def column(vectors: dict[int, np.ndarray], rows: int) -> Column:
    width = max((len(v) for v in vectors.values()), default=1)
    data = np.full((rows, width), np.nan, dtype=np.float32)
    for i, vector in vectors.items():
        data[i] = vector
    return Column("f32", width, data)


class ImageEmbedding(Embedding):
    """`image`: of the first image."""

    name = "image-embedding"
    image = "image"


class Dino(Embedding):
    """`dino`: of the first image."""

    name = "dino"
    image = "dino"


class ClipEmbedding(Embedding):
    """`clip_image` and `clip_text`, where there is an image."""

    name = "clip-embedding"
    image, text = "clip_image", "clip_text"


class TextEmbedding(Embedding):
    """`instruction`, `response` or `both`."""

    name = "text-embedding"
    text = "*"
