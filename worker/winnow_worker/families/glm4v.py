"""GLM-4.1V: its parts are known, its numbers are not tested."""

from .family import UNTESTED

FAMILY = UNTESTED
