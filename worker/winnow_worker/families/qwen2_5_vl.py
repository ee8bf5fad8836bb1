"""Qwen2.5-VL: as Qwen2-VL."""

from .family import MERGER, Family

FAMILY = Family("Qwen2.5-VL", MERGER, position_axes=3)
