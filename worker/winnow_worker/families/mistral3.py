"""Mistral 3: its parts are known, its numbers are not tested."""

from .family import PROJECTOR, untested

FAMILY = untested("Mistral 3", PROJECTOR)
