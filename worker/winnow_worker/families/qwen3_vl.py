"""Qwen3-VL: as Qwen2-VL, with features of several layers, whose mergers bring them to the language model too."""

from .family import MERGER, Components, Family

FAMILY = Family(
    "Qwen3-VL",
    Components(MERGER.vision, ("visual.merger", "visual.deepstack_merger_list"), MERGER.language),
    position_axes=3,
)
