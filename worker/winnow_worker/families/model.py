"""A vision-language model as this worker runs it: image features once, sequences without padding waste, logits only
where an answer is predicted."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import torch
from transformers.utils import ModelOutput

from ..data import Encoded
from ..sequences import Features, Sequence
from ..weights import UNREAD_OF_VLM, incomplete, load_weights
from .adapters import Adapters
from .last_layer import last_layer_at
from .linear import widen_linear
from .packing import segment_mask, segments_of
from .reader import Picture, Reader

FEATURE_CACHE_BYTES = 1 << 30
# A grey picture of 64 x 64.
BLANK_IMAGE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAK0lEQVR42u3MMREAAAgEoNfkRjeEmwcBqMlNRyAQCAQCgUAg"
    "EAgEAsHzYAFAdAEArKmlZAAAAABJRU5ErkJggg=="
)
# Of the images that go through the tower together, unless they are fewer than 8.
GROUP_NUMBERS = 8 * 3 * 336 * 336


class Model:
    """Weights of a folder in inference mode. `features` keeps what it has computed while there is room."""

    def __init__(self, folder: Path, reader: Reader, device: str = "cpu", dtype: torch.dtype = torch.float32) -> None:
        from transformers import AutoModelForImageTextToText

        self.net = load_weights(AutoModelForImageTextToText, folder, UNREAD_OF_VLM, dtype=dtype).to(device).eval()
        widen_linear(self.net)
        self.folder = folder
        self.adapters = Adapters()
        self.reader, self.family, self.device, self.dtype = reader, reader.family, device, dtype
        self.inner = self.net.model
        self.head = self.net.get_output_embeddings()
        text = self.net.config.get_text_config()
        self.softcap = getattr(text, "final_logit_softcapping", None)
        self.vocab, self.width = text.vocab_size, text.hidden_size
        window = getattr(text, "sliding_window", None)
        self.window = window if window and "sliding_attention" in (getattr(text, "layer_types", None) or []) else None
        self.takes_features = "mm_encoder_outputs" in inspect.signature(self.inner.forward).parameters
        self.image_parameters = frozenset(inspect.signature(self.inner.get_image_features).parameters)
        self.listed = True
        self.cache: OrderedDict[str, Features] = OrderedDict()
        self.cached_bytes = 0
        if self.net.absent_weights:
            self._check_absent()

    def _check_absent(self) -> None:
        """Weights that the folder lacks are NaN: an image's features show whether anything reads them."""
        if not all(torch.isfinite(f.tokens).all() for f in self.encode_images([BLANK_IMAGE]).values()):
            raise incomplete(self.folder, "lacks", self.net.absent_weights, 0)

    @property
    def language(self) -> torch.nn.Module:
        """The language model inside: embeddings, layers, last norm."""
        inner = self.inner
        return getattr(inner, "language_model", None) or inner.text_model

    @property
    def packs(self) -> bool:
        """Whether rows of one image may stand in one sequence: sliding windows count tokens, whosever they are."""
        return self.family.shared_prefix and not self.window

    @property
    def layers(self) -> torch.nn.ModuleList:
        return self.language.layers

    # ---- images

    @torch.inference_mode()
    def features(self, paths: list[str]) -> dict[str, Features]:
        """Features of images by path; each distinct one goes through the tower once while it is kept."""
        wanted = list(dict.fromkeys(paths))
        found = {p: self._recall(p) for p in wanted if p in self.cache}
        for path, features in self.encode_images([p for p in wanted if p not in found]).items():
            found[path] = self._keep(path, features)
        return found

    def expect(self, paths: list[str]) -> None:
        """Begin to read images whose features will be asked for."""
        self.reader.expect([p for p in paths if p not in self.cache])

    def encode_images(self, paths: list[str]) -> dict[str, Features]:
        """As `features`, computed anew, and with gradients where parameters ask for them."""
        groups: dict[tuple, list[tuple[str, Picture]]] = {}
        self.reader.expect(paths)
        for path in dict.fromkeys(paths):
            picture = self.reader.picture(path)
            shape = tuple((k, tuple(v.shape[1:])) for k, v in sorted(picture.pixels.items()))
            groups.setdefault((path,) if self.family.one_by_one else shape, []).append((path, picture))
        found: dict[str, Features] = {}
        for group in groups.values():
            size = max(8, GROUP_NUMBERS // sum(t.numel() for t in group[0][1].pixels.values()))
            for start in range(0, len(group), size):
                part = group[start : start + size]
                for (path, _), features in zip(part, self._encode([p for _, p in part]), strict=True):
                    found[path] = features
        return found

    def _encode(self, pictures: list[Picture]) -> list[Features]:
        pixels = {k: torch.cat([p.pixels[k] for p in pictures]).to(self.device) for k in pictures[0].pixels}
        pixels = {k: v.to(self.dtype) if v.is_floating_point() else v for k, v in pixels.items()}
        # These two are the configuration's, which the forward pass of some families would read itself.
        layer = {
            k: getattr(self.net.config, k)
            for k in ("vision_feature_layer", "vision_feature_select_strategy")
            if k in self.image_parameters and hasattr(self.net.config, k)
        }
        out = self.inner.get_image_features(**{k: v for k, v in pixels.items() if k in self.image_parameters}, **layer)
        pooled, deep = getattr(out, "pooler_output", out), getattr(out, "deepstack_features", None) or []
        if isinstance(out, tuple) and isinstance(out[0], tuple):
            # Before transformers 5: by image, and of further layers those of all images in a row.
            pooled, rows = out
            deep = [d.split([len(one) for one in pooled]) for d in rows]
        self.listed = isinstance(pooled, (list, tuple))
        if self.listed:
            if len(pictures) == 1:
                return [Features(torch.cat(list(pooled)), [torch.cat(list(d)) for d in deep])]
            deep = [list(d) for d in deep]
            return [Features(one, [d[i] for d in deep]) for i, one in enumerate(pooled)]
        if len(pictures) == 1:
            return [Features(pooled.reshape(-1, pooled.shape[-1]))]
        counts = [p.pixels["pixel_values"].shape[0] for p in pictures]
        return [Features(part.reshape(-1, pooled.shape[-1])) for part in pooled.split(counts)]

    def _recall(self, path: str) -> Features:
        self.cache.move_to_end(path)
        return self.cache[path]

    def _keep(self, path: str, features: Features) -> Features:
        self.cache[path] = features
        self.cached_bytes += features.bytes
        while self.cached_bytes > FEATURE_CACHE_BYTES and len(self.cache) > 1:
            self.cached_bytes -= self.cache.popitem(last=False)[1].bytes
        return features

    # ---- positions

    def positions(self, encoded: Encoded, images: list[str]) -> np.ndarray:
        """Position of every token, (axes, L): one axis, or time, height and width (M-RoPE)."""
        length = len(encoded.ids)
        if self.family.position_axes == 1 or not encoded.blocks:
            line = np.arange(length) + self.family.first_position
            return np.broadcast_to(line, (self.family.position_axes, length)).copy()
        grids = torch.cat([self.reader.place(path).grid for path in images])
        given = {
            "input_ids": torch.from_numpy(encoded.ids)[None],
            "image_grid_thw": grids,
            "video_grid_thw": None,
            "attention_mask": torch.ones(1, length, dtype=torch.long),
            "mm_token_type_ids": torch.from_numpy(encoded.image.astype(np.int64))[None],
        }
        known = inspect.signature(self.inner.get_rope_index).parameters
        place, _ = self.inner.get_rope_index(**{k: v for k, v in given.items() if k in known})
        return place[:, 0].numpy()

    # ---- the language model

    @torch.inference_mode()
    def hidden(self, batch: list[Sequence], at: list[np.ndarray] | None = None) -> torch.Tensor:
        """Last hidden states (batch, longest, width) of sequences padded on the right; padding is masked. `at`: the
        positions of each sequence where they have to be right."""
        with self._last_layer(batch, at, attends=at is None or any(map(len, at))):
            return self.states(batch)

    def _last_layer(self, batch: list[Sequence], at: list[np.ndarray] | None, attends: bool):
        """Spares the last layer of a known family what is not asked for."""
        if at is None or not self.family.tested:
            return nullcontext()
        longest = max(len(s) for s in batch)
        places = torch.from_numpy(np.concatenate([r * longest + p for r, p in enumerate(at)])).to(self.device)
        return last_layer_at(self.layers, places, attends)

    def states(self, batch: list[Sequence]) -> torch.Tensor:
        """As `hidden`, at every position and with gradients."""
        inputs = self._collate(batch)
        with self._injected(batch) as images:
            return self.inner(**inputs, **images, use_cache=False).last_hidden_state

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """Vocabulary logits in fp32 of hidden states (n, width)."""
        out = self.head(states).float()
        return self.softcap * torch.tanh(out / self.softcap) if self.softcap else out

    def _collate(self, batch: list[Sequence]) -> dict[str, torch.Tensor]:
        longest = max(len(s) for s in batch)
        pad = self.reader.tokenizer.pad_token_id or 0
        ids = np.full((len(batch), longest), pad, dtype=np.int64)
        # Padding lies to the right, where no row of a causal model looks: unmasked, no mask is formed at all.
        mask = np.full((len(batch), longest), self.family.causal, dtype=np.int64)
        places = np.zeros((batch[0].positions.shape[0], len(batch), longest), dtype=np.int64)
        extras = {k: np.zeros((len(batch), longest), dtype=np.int64) for k in batch[0].extras}
        for i, s in enumerate(batch):
            ids[i, : len(s)], mask[i, : len(s)], places[:, i, : len(s)] = s.ids, 1, s.positions
            if s.hidden is not None:
                mask[i, : len(s)][s.hidden] = 0
            for key, values in s.extras.items():
                extras[key][i, : len(s)] = values
        places = places if self.family.position_axes > 1 else places[0]
        arrays = {"input_ids": ids, "attention_mask": mask, "position_ids": places, **extras}
        inputs = {k: torch.from_numpy(v).to(self.device) for k, v in arrays.items()}
        if any(s.segments is not None for s in batch):
            segments = torch.from_numpy(segments_of(batch)).to(self.device)
            inputs["attention_mask"] = segment_mask(segments, self.dtype)
        return inputs

    @contextmanager
    def _injected(self, batch: list[Sequence]):
        """Hands image features to the forward pass in place of pixels."""
        seen = [f for s in batch for f in s.images]
        if not seen:
            yield {}
            return
        tokens = torch.cat([f.tokens for f in seen])
        deep = [torch.cat([f.deep[i] for f in seen]) for i in range(len(seen[0].deep))]
        if self.takes_features:
            out = ModelOutput(pooler_output=[tokens] if self.listed else tokens)
            out["deepstack_features"] = [[d] for d in deep]
            yield {"mm_encoder_outputs": {"image": out}}
            return
        # Before transformers 5 the forward pass has no such argument: it calls this method when it gets pixels.
        real = self.inner.get_image_features
        self.inner.get_image_features = lambda *_, **__: (
            ([tokens], deep) if deep else [tokens] if self.listed else tokens
        )
        try:
            yield {"pixel_values": torch.zeros(1, dtype=self.dtype, device=self.device)}
        finally:
            self.inner.get_image_features = real
