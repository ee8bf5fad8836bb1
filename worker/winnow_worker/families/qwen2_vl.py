"""Qwen2-VL: images of any size, positions of time, height and width."""

from .family import MERGER, Family

FAMILY = Family("Qwen2-VL", MERGER, position_axes=3)
