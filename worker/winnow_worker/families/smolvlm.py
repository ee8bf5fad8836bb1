"""SmolVLM: as Idefics3."""

from .family import TILES, Family

FAMILY = Family("SmolVLM", TILES, one_by_one=True)
