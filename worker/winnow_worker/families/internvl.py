"""InternVL."""

from .family import PROJECTOR, Family

FAMILY = Family("InternVL", PROJECTOR)
