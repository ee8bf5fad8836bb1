"""Gemma 3: tokens of an image attend to each other both ways."""

from .family import PROJECTOR, Family

FAMILY = Family("Gemma 3", PROJECTOR, causal=False, image_types=True, shared_prefix=False)
