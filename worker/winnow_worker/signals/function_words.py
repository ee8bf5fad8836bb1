"""English words that carry grammar: articles, pronouns, prepositions, conjunctions, auxiliaries, particles."""

from __future__ import annotations

import re

import numpy as np

FUNCTION_WORDS = frozenset(
    """a about above across after against all along although am among an and another any are around as at away back
    be because been before behind being below beneath beside between beyond both but by can cannot could did do
    does doing done down during each either else enough etc even every except few for from further had has have
    having he hence her here hers herself him himself his how however i if in inside into is it its itself just
    least less lest like many may me might mine more most much must my myself near neither no nor not of off on
    once one only onto or other others otherwise ought our ours ourselves out outside over own per perhaps quite
    rather same shall she should since so some somebody someone something such than that the their theirs them
    themselves then there therefore these they this those though through throughout thus till to together too
    toward towards under underneath unless unlike until up upon us very via was we were what whatever when
    whenever where whereas wherever whether which whichever while who whoever whom whose why will with within
    without would yet you your yours yourself yourselves""".split()
)
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


def content_weights(pieces: list[str], low: float = 0.1) -> np.ndarray:
    """Weight of each token of a text, given as its pieces: 1 where it is part of a word of content, `low` where it is
    part of a function word, a punctuation mark, white space or a special token."""
    weights = np.full(len(pieces), low)
    text = "".join(pieces)
    ends = np.cumsum([len(p) for p in pieces])
    for match in WORD.finditer(text):
        word = match.group().lower().replace("’", "'")
        if word in FUNCTION_WORDS or word.split("'")[0] in FUNCTION_WORDS:
            continue
        first, last = np.searchsorted(ends, [match.start(), match.end() - 1], side="right")
        weights[first : last + 1] = 1.0
    return weights
