"""A processor as this worker uses it: conversations to ids, images to pixels, both once."""

from __future__ import annotations

import base64
import io
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from ..data import NO_LABELS, Encoded, RowError, Sample, Turn, beginnings, image_order, response_spans
from ..weights import first_line
from . import Family, family_of, single_turn
from .processor import PixelCall, complete, load_processor
from .template import ChatTemplate

Image.MAX_IMAGE_PIXELS = 178_956_970


@dataclass
class Picture:
    """An image as the model's processor gives it: `expansion` ids, tensors for the tower, and per-image extras."""

    expansion: list[int]
    pixels: dict[str, torch.Tensor]


@dataclass
class Place:
    """What an image is among tokens: its ids, and for M-RoPE its grid of patches (1, 3)."""

    expansion: list[int]
    grid: torch.Tensor | None


class Reader:
    """Encodes samples for one model. Images are decoded and processed once while they are in the cache."""

    def __init__(self, folder: Path, media_root: Path | None = None, cache_images: int = 256) -> None:
        from transformers import AutoConfig

        self.config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        self.family: Family = family_of(self.config.model_type)
        self.processor = load_processor(folder)
        complete(self.processor, self.config, folder)
        self.tokenizer = self.processor.tokenizer
        self.image_id = int(
            getattr(self.config, "image_token_id", None) or getattr(self.config, "image_token_index", None)
        )
        self.longest: int | None = getattr(self.config.get_text_config(), "max_position_embeddings", None)
        self.placeholder = self._placeholder()
        self.template = None if self.family.prefix_lm else ChatTemplate(self.processor, self.placeholder, folder)
        self.never = self._never_trained()
        self.media_root = media_root or Path()
        # Rows may be made ready in a thread while the model runs.
        self.lock = threading.RLock()
        self.cache: OrderedDict[str, Picture] = OrderedDict()
        self.places: dict[tuple[int, int], Place] = {}
        self.sizes: dict[str, tuple[int, int]] = {}
        self.pixels = PixelCall()
        self.pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
        self.coming: dict[str, Future[Picture]] = {}
        self.cache_images = cache_images

    def _placeholder(self) -> str:
        """What stands for an image in the rendered conversation: Gemma 3 writes a token of its own."""
        return getattr(self.processor, "boi_token", None) or self.processor.image_token

    def _never_trained(self) -> set[int]:
        names = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id", "boi_token_index",
                 "eoi_token_index", "image_token_index", "video_token_index")  # fmt: skip
        ids = {getattr(self.config, name, None) for name in names}
        pad, eos = self.tokenizer.pad_token_id, self.tokenizer.eos_token_id
        if pad is not None and pad != eos:
            ids.add(pad)
        return {int(i) for i in ids if i is not None}

    def picture(self, path: str) -> Picture:
        """An image's pixels and ids, decoded as the losses in process are (`to_rgb`)."""
        with self.lock:
            if path in self.cache:
                self.cache.move_to_end(path)
                return self.cache[path]
            coming = self.coming.pop(path, None)
        found = self._process(path) if coming is None else coming.result()
        with self.lock:
            self.cache[path] = found
            if len(self.cache) > self.cache_images:
                self.cache.popitem(last=False)
        return found

    def expect(self, paths: list[str]) -> None:
        """Decode and process images in other threads, since `picture` will be asked for them."""
        with self.lock:
            for path in paths:
                if path not in self.cache and path not in self.coming:
                    self.coming[path] = self.pool.submit(self._process, path)

    def place(self, path: str) -> Place:
        """What an image is among tokens, which its size alone decides: of a known size only the header is read."""
        size = self.sizes.get(path)
        if size is None:
            with opened(path, self.media_root) as image:
                size = image.size
            if not path.startswith("data:"):
                self.sizes[path] = size
        if size not in self.places:
            self.picture(path)
        return self.places[size]

    def _process(self, path: str) -> Picture:
        with opened(path, self.media_root) as file:
            image = to_rgb(file)
        known = self.places.get(image.size)
        if known is not None and self.pixels.repeats:
            out = self.pixels.again(image)
            return Picture(known.expansion, tensors(out))
        with self.lock:
            try:
                out, self.pixels = self.pixels.watch(self.processor, image, self.placeholder)
            except (TypeError, ValueError, KeyError, AttributeError, ZeroDivisionError) as error:
                reason = f"the model's processor fails on the image {path[:200]}: {first_line(error)}"
                raise RowError("IMAGE_FAILED", reason) from error
            pixels = tensors(out)
            self.places[image.size] = Place(self._expansion(out["input_ids"][0].tolist()), pixels.get("image_grid_thw"))
            return Picture(self.places[image.size].expansion, pixels)

    def _expansion(self, ids: list[int]) -> list[int]:
        marks = [i for i, token in enumerate(ids) if token == self.image_id]
        if self.family.prefix_lm:
            return ids[marks[0] : marks[-1] + 1]
        lead, tail = self.frame
        return ids[lead : len(ids) - tail] if marks else []

    @cached_property
    def nothing(self) -> list[int]:
        """What the tokenizer writes of an empty text: its special tokens."""
        return self.tokenizer("")["input_ids"]

    @cached_property
    def frame(self) -> tuple[int, int]:
        """How many special tokens the tokenizer puts before and behind a text."""
        bare = self.tokenizer("a", add_special_tokens=False)["input_ids"]
        whole = self.tokenizer("a")["input_ids"]
        lead = next((i for i in range(len(whole)) if whole[i : i + len(bare)] == bare), 0)
        return lead, len(whole) - lead - len(bare)

    def encode(self, sample: Sample, messages: list[dict] | None = None) -> Encoded:
        """Token ids of a sample (or of other messages with its images). Raises RowError."""
        (found,) = self.encode_all([sample], None if messages is None else [messages])
        if isinstance(found, RowError):
            raise found
        return found

    def encode_all(self, samples: list[Sample], messages: list[list[dict]] | None = None) -> list[Encoded | RowError]:
        """As `encode`, of many samples: their texts are rendered and tokenised together."""
        with self.lock:
            spoken = [s.messages for s in samples] if messages is None else messages
            if self.family.prefix_lm:
                return [attempt(self._encode_prefix, *pair) for pair in zip(samples, spoken, strict=True)]
            asked = [[(m, False), *beginnings(m)] for m in spoken]
            texts = iter(self._render([request for one in asked for request in one]))
            texts = [[next(texts) for _ in one] for one in asked]
            ids = iter(self._ids([t for one in texts for t in one if isinstance(t, str)]))
            read = [[(t, next(ids)) if isinstance(t, str) else t for t in one] for one in texts]
            return [attempt(self._encode, *row) for row in zip(samples, spoken, read, strict=True)]

    def _encode(self, sample: Sample, messages: list[dict], read: list[tuple[str, list[int]] | RowError]) -> Encoded:
        """`read`: texts and ids of the whole conversation and its `beginnings`."""
        order = image_order(messages)
        places = [self.place(sample.images[i]) for i in order]
        if isinstance(read[0], RowError):
            raise read[0]
        text, ids = read[0]
        mark = self.tokenizer.convert_tokens_to_ids(self.placeholder)
        if ids.count(mark) != len(order):
            raise RowError(
                "IMAGE_TOKEN_COUNT",
                f"the conversation has {len(order)} images and {ids.count(mark)} {self.placeholder} tokens",
            )
        turns = self._turns(messages, read)
        spans = response_spans(read[0], turns, self.tokenizer.decode, lambda: self._marks(messages))
        bos = self.tokenizer.bos_token
        lead = [] if bos and text.startswith(bos) else self.nothing
        lead, tail = self._split_frame(lead)
        out: list[int] = list(lead)
        at, blocks = [], []
        for token in ids:
            at.append(len(out))
            if token == mark:
                expansion = places[len(blocks)].expansion
                blocks.append((len(out), len(out) + len(expansion)))
                out += expansion
            else:
                out.append(token)
        at.append(len(out))
        out += tail
        trained = np.zeros(len(out), dtype=bool)
        for start, end in spans:
            trained[at[start] : at[end]] = True
        return self._finish(np.array(out), trained, blocks, order)

    def _encode_prefix(self, sample: Sample, messages: list[dict]) -> Encoded:
        """A model without a chat template (PaliGemma): images, `<bos>`, question, a line break; then the answer."""
        question, answer = single_turn(messages)
        order = image_order(messages)
        expansions = [self.place(sample.images[i]).expansion for i in order]
        text = "".join(p["text"] for p in question if p["type"] == "text")
        prompt = self.tokenizer(self.tokenizer.bos_token + text + "\n", add_special_tokens=False)["input_ids"]
        reply = self.tokenizer(answer, add_special_tokens=False)["input_ids"] + [self.tokenizer.eos_token_id]
        before = [i for expansion in expansions for i in expansion] + prompt
        ends = np.cumsum([len(e) for e in expansions]).tolist()
        blocks = list(zip([0, *ends[:-1]], ends, strict=True)) if ends else []
        trained = np.array([False] * len(before) + [True] * len(reply))
        encoded = self._finish(np.array(before + reply), trained, blocks, order)
        encoded.extras["token_type_ids"] = trained.astype(np.int64)
        return encoded

    def _finish(self, ids: np.ndarray, trained: np.ndarray, blocks: list, order: list[int]) -> Encoded:
        if self.longest and len(ids) > self.longest:
            raise RowError("TOO_LONG", f"{len(ids)} tokens, and the model takes {self.longest} at most")
        for start, end in blocks:
            trained[start:end] = False
        for token in self.never:
            trained &= ids != token
        if not trained.any():
            raise RowError("NO_RESPONSE", "the sample has no assistant text, so nothing of it can be scored")
        encoded = Encoded(ids, ids == self.image_id, trained, blocks, order)
        if self.family.image_types:
            encoded.extras["token_type_ids"] = encoded.image.astype(np.int64)
        return encoded

    def _turns(self, messages: list[dict], read: list[tuple[str, list[int]] | RowError]) -> list[Turn]:
        """The answers of a conversation, from the texts and ids of its `beginnings`."""
        parts = iter([None if isinstance(part, RowError) else part for part in read[1:]])
        turns = []
        for k, message in enumerate(messages):
            if message["role"] == "assistant":
                before = next(parts)
                until = read[0] if k == len(messages) - 1 else next(parts)
                turns.append(Turn(message, before, until, self.template.ending(messages[:k])))
        return turns

    def _render(self, asked: list[tuple[list[dict], bool]]) -> list[str | RowError]:
        """Texts of conversations, each with the generation prompt or without it."""
        found: list[str | RowError] = [""] * len(asked)
        for prompt in (False, True):
            at = [i for i, (_, wanted) in enumerate(asked) if wanted == prompt]
            for i, text in zip(at, self.template.render([asked[i][0] for i in at], prompt), strict=True):
                found[i] = text
        return found

    def _ids(self, texts: list[str]) -> list[list[int]]:
        return self.tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []

    def _split_frame(self, empty: list[int]) -> tuple[list[int], list[int]]:
        if not empty:
            return [], []
        lead, _ = self.frame
        return empty[:lead], empty[lead:]

    def _marks(self, messages: list[dict]) -> list[list[int]]:
        """Ids up to the start and up to the end of each of the template's `{% generation %}` blocks."""
        text, marks = self.template.marked(messages) if self.template.has_marks else ("", [])
        if not marks:
            raise RowError("TEMPLATE_NO_LABELS", NO_LABELS)
        return self._ids([text[:at] for span in marks for at in span])


def attempt(encode: Callable[..., Encoded], *row) -> Encoded | RowError:
    try:
        return encode(*row)
    except RowError as error:
        return error


@contextmanager
def opened(path: str, root: Path):
    """An image file with its header read. Raises RowError for whatever goes wrong while it is open."""
    try:
        with Image.open(source_of(path, root)) as image:
            yield image
    except FileNotFoundError as error:
        raise RowError("IMAGE_MISSING", f"there is no image file {path}") from error
    except UnidentifiedImageError as error:
        raise RowError("IMAGE_UNREADABLE", f"{path[:200]} is no image that can be read") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RowError("IMAGE_UNREADABLE", f"the image {path[:200]} can't be decoded: {error}") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """An image's colours, transparency dropped and not blended: `convert("RGB")`, and without what it notes of a colour
    that was see-through, for which transformers 5 would put the picture on white."""
    rgb = image.convert("RGB")
    rgb.info.pop("transparency", None)
    return rgb


def tensors(out) -> dict[str, torch.Tensor]:
    """What the tower reads of a processor's output."""
    return {k: v for k, v in out.items() if isinstance(v, torch.Tensor) and k not in PER_TOKEN}


def source_of(path: str, root: Path) -> Path | io.BytesIO:
    """A file's path from the media root, a data URI's bytes."""
    return io.BytesIO(base64.b64decode(path.split(",", 1)[1])) if path.startswith("data:") else root / path


PER_TOKEN = {"input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids", "labels"}
