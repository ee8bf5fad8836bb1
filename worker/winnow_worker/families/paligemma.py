"""PaliGemma: no template, and everything before the answer attends both ways."""

from .family import Family

FAMILY = Family(causal=False, first_position=1, prefix_lm=True, shared_prefix=False)
