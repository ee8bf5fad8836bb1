"""LLaVA-NeXT: LLaVA with tiles, and a learned end of a row of patches."""

from .family import PROJECTOR, Components, Family

FAMILY = Family(
    "LLaVA-NeXT",
    Components(PROJECTOR.vision, ("multi_modal_projector", "image_newline"), PROJECTOR.language),
)
