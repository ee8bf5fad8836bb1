"""PaliGemma: no template, and everything before the answer attends both ways."""

from .family import PROJECTOR, Family

FAMILY = Family("PaliGemma", PROJECTOR, causal=False, first_position=1, prefix_lm=True, shared_prefix=False)
