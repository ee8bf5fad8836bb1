"""The micro models' architectures: plain transformers classes, configured small."""

from __future__ import annotations

import torch
from torch import nn
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPVisionConfig,
    CLIPVisionModel,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
)

from .world import COLORS, PATCH, SHAPES, SIZES, WORLD

WIDTH = 128
IMAGE_TOKENS = (WORLD // PATCH) ** 2
SIDE = WORLD // PATCH
CELL_CLASSES = (len(SHAPES) + 1, len(COLORS) + 1, len(SIZES) + 1) * 2 + (PATCH + 1, PATCH + 1, SIDE, SIDE)
EMPTY_WEIGHT = 0.2


def vision_config() -> CLIPVisionConfig:
    """The vision tower that both models use (0.56 M parameters)."""
    return CLIPVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        image_size=WORLD,
        patch_size=PATCH,
        projection_dim=64,
        hidden_act="gelu",
    )


def build_vlm(tokenizer) -> LlavaForConditionalGeneration:
    """An untrained micro VLM: CLIP vision tower, two-layer projector, Llama with tied embeddings."""
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=320,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=1024,
        initializer_range=0.05,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config = LlavaConfig(
        vision_config=vision_config(),
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        projector_hidden_act="gelu",
        vision_feature_select_strategy="default",
        vision_feature_layer=-1,
        image_seq_length=IMAGE_TOKENS,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlavaForConditionalGeneration(config)


def build_clip(tokenizer) -> CLIPModel:
    """An untrained micro CLIP; the text is pooled at its end token."""
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=96,
        projection_dim=64,
        hidden_act="gelu",
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config = CLIPConfig(text_config=text.to_dict(), vision_config=vision_config().to_dict(), projection_dim=64)
    return CLIPModel(config)


class CellHeads(nn.Module):
    """Linear classifiers over patch features, for `world.cell_labels`; thrown away after training."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, sum(CELL_CLASSES))

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.head(self.norm(features)).split(CELL_CLASSES, dim=-1)

    def loss(self, features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of the labels; `features` (batch, 64, width), `labels` (batch, 64, 10). Most patches hold
        nothing: where a label may be 0 for that, those count a fifth."""
        losses = []
        for i, part in enumerate(self(features)):
            weight = torch.ones(part.shape[-1])
            weight[0] = EMPTY_WEIGHT if i < 8 else 1.0
            losses.append(nn.functional.cross_entropy(part.flatten(0, 1), labels[..., i].flatten(), weight=weight))
        return torch.stack(losses).mean()


def place_code(scale: float = 0.3) -> torch.Tensor:
    """Sines and cosines of column and row, (64, width): position embeddings to start from. From near zero, as CLIP
    starts, the tower is slow to learn which patches are neighbours."""
    steps = torch.arange(SIDE, dtype=torch.float32)
    rates = torch.pi / SIDE * 1.6 ** torch.arange(WIDTH // 4, dtype=torch.float32).remainder(8)
    waves = torch.cat([torch.sin(steps[:, None] * rates), torch.cos(steps[:, None] * rates)], dim=1)
    columns, rows = waves[None].expand(SIDE, -1, -1), waves[:, None].expand(-1, SIDE, -1)
    return scale * 1.4 * torch.cat([columns, rows], dim=-1).reshape(SIDE * SIDE, WIDTH)


def build_vision() -> CLIPVisionModel:
    """The untrained vision tower alone."""
    vision = CLIPVisionModel(vision_config())
    table = next(p for n, p in vision.named_parameters() if n.endswith("position_embedding.weight"))
    with torch.no_grad():
        table[1:] = place_code()
    return vision


def patch_features(vision: nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    """Last-layer patch features, (batch, 64, width); `pixels` as the image processor gives them."""
    return vision(pixel_values=pixels).last_hidden_state[:, 1:]


def to_pixels(images) -> torch.Tensor:
    """uint8 (batch, 64, 64, 3) to float (batch, 3, 64, 64) with mean and deviation 0.5, as the image processor does."""
    return torch.tensor(images).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def count_parameters(model: nn.Module) -> int:
    """Parameters, tied ones once."""
    return sum(p.numel() for p in model.parameters())
