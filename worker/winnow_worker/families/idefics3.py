"""Idefics3: images in tiles, as many as each wants."""

from .family import TILES, Family

FAMILY = Family("Idefics3", TILES, one_by_one=True)
