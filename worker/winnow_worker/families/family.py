"""What differs between vision-language models when they are read by this worker, beside their records."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """`causal`: nothing attends to what stands behind it. `position_axes`: 3 where positions have time, height and
    width (M-RoPE). `first_position`: of the first token. `prefix_lm`: everything before the answer attends both ways.
    `image_types`: the forward pass is told which tokens are the image's, since those attend both ways.
    `shared_prefix`: what rows have in common up to their image may be computed once. `one_by_one`: images can't be
    stacked for the tower. `tested`: its numbers are held against `transformers`, and shortcuts are taken."""

    causal: bool = True
    position_axes: int = 1
    first_position: int = 0
    prefix_lm: bool = False
    image_types: bool = False
    shared_prefix: bool = True
    one_by_one: bool = False
    tested: bool = True


# An unknown one, or one that has no tests, is read like LLaVA where its processor allows, without shortcuts.
UNTESTED = Family(causal=False, shared_prefix=False, one_by_one=True, tested=False)
