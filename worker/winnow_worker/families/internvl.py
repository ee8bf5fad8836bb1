"""InternVL: images in tiles, which the tower takes as any others."""

from .family import Family

FAMILY = Family()
