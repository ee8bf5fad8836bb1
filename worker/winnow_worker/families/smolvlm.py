"""SmolVLM: as Idefics3."""

from .family import Family

FAMILY = Family(one_by_one=True)
