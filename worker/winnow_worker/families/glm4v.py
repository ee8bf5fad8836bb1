"""GLM-4V: its parts are known, its numbers are not tested."""

from .family import MERGER, untested

FAMILY = untested("GLM-4V", MERGER)
