"""LLaVA 1.5 and its kin: a tower, a projector, a causal language model."""

from .family import Family

FAMILY = Family()
