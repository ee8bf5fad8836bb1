"""LLaVA-NeXT: LLaVA with tiles, and a learned end of a row of patches."""

from .family import Family

FAMILY = Family()
