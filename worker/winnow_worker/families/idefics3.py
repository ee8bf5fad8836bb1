"""Idefics3: images in tiles, as many as each wants."""

from .family import Family

FAMILY = Family(one_by_one=True)
