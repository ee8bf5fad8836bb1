"""Qwen2.5-VL: as Qwen2-VL."""

from .family import Family

FAMILY = Family(position_axes=3)
