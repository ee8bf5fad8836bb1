"""Qwen2-VL: images of any size, positions of time, height and width."""

from .family import Family

FAMILY = Family(position_axes=3)
