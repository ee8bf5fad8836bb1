"""Gemma 3: tokens of an image attend to each other both ways."""

from .family import Family

FAMILY = Family(causal=False, image_types=True, shared_prefix=False)
