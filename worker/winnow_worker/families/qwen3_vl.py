"""Qwen3-VL: as Qwen2-VL, with features of several layers, whose mergers bring them to the language model too."""

from .family import Family

FAMILY = Family(position_axes=3)
