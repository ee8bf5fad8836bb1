"""Questions about scenes, with their answers.

`questions(scene, kind, rng)` asks about what the picture shows. A question is `balanced` where its text alone says
(next to) nothing about its answer: asked objects are drawn so that every colour, every plain shape and every direction
is equally likely behind every text. Questions about stars are not balanced, because the world's stars are yellow; they
are kind `prior`. `stated(qa, rng)` makes a question that its own text answers, with the same templates;
`text.general(rng)` asks for something that has nothing to do with a picture.

Statements never contradict the picture here. A caller who pairs a row with another picture has to mind that itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .world import COLORS, PLAIN_SHAPES, WORLD, Object, Scene, describe

MARGIN = 8.0
COUNT_WEIGHTS = {0: 0.35, 1: 0.6, 2: 1.3, 3: 2.6, 4: 4.5, 5: 9.0}
BALANCED_KINDS = ("attribute", "existence", "counting", "relation", "position", "occlusion")
KINDS = (*BALANCED_KINDS, "prior", "description")
PLURALS = {"cross": "crosses"}


@dataclass(frozen=True)
class QA:
    """A question and its exact answer. `fact` is a sentence from which the answer follows (empty: none is offered)."""

    question: str
    answer: str
    kind: str
    balanced: bool = True
    text_answerable: bool = False
    fact: str = ""


def questions(scene: Scene, kind: str, rng: np.random.Generator) -> list[QA]:
    """Up to one question of a kind (see KINDS); empty where the scene does not offer one."""
    found = ASKERS[kind](scene, rng)
    return [found] if found else []


def _pick(rng: np.random.Generator, items):
    return items[int(rng.integers(len(items)))]


def _unique(scene: Scene, key: Callable[[Object], object]) -> list[Object]:
    keys = [key(o) for o in scene.objects]
    return [o for o, k in zip(scene.objects, keys, strict=True) if keys.count(k) == 1]


def _named(scene: Scene) -> list[Object]:
    """Plain objects that colour and shape single out."""
    return [o for o in _unique(scene, lambda o: o.name) if o.shape != "star"]


def _plural(shape: str) -> str:
    return PLURALS.get(shape, shape + "s")


def _attribute(scene: Scene, rng: np.random.Generator) -> QA | None:
    what = _pick(rng, ("color", "color", "shape", "size"))
    if what == "color":
        o = _choice(rng, [o for o in _unique(scene, lambda o: o.shape) if o.shape != "star"])
        forms = ("What color is the {}?", "What is the color of the {}?", "Which color does the {} have?")
        return o and QA(_pick(rng, forms).format(o.shape), o.color, "attribute", fact=f"The {o.shape} is {o.color}.")
    if what == "shape":
        o = _choice(rng, [o for o in _unique(scene, lambda o: o.color) if o.shape != "star" and o.color != "yellow"])
        forms = ("What shape is the {} object?", "What is the shape of the {} thing?", "Which shape is {}?")
        return o and QA(
            _pick(rng, forms).format(o.color), o.shape, "attribute", fact=f"The {o.color} object is a {o.shape}."
        )
    o = _choice(rng, _named(scene))
    forms = ("What size is the {}?", "Is the {} small or large?", "How big is the {}?")
    return o and QA(_pick(rng, forms).format(o.name), o.size, "attribute", fact=f"The {o.name} is {o.size}.")


def _choice(rng: np.random.Generator, items: list[Object]) -> Object | None:
    return _pick(rng, items) if items else None


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


def _existence(scene: Scene, rng: np.random.Generator) -> QA | None:
    level, yes = _pick(rng, ("name", "name", "shape", "color")), bool(rng.random() < 0.5)
    if level == "name":
        universe = [f"{c} {s}" for c in COLORS for s in PLAIN_SHAPES]
        here = {o.name for o in scene.objects}
    elif level == "shape":
        universe, here = list(PLAIN_SHAPES), {o.shape for o in scene.objects}
    else:
        universe, here = [c for c in COLORS if c != "yellow"], {o.color for o in scene.objects}
    present, absent = [u for u in universe if u in here], [u for u in universe if u not in here]
    if not present or not absent:
        return None
    thing = _pick(rng, present if yes else absent)
    thing = f"{thing} object" if level == "color" else thing
    article = "an" if thing.startswith("orange") else "a"
    form = _pick(
        rng, ("Is there {} {}?", "Is there {} {} in the image?", "Does the image contain {} {}?", "Can you see {} {}?")
    )
    fact = f"There is {article} {thing}." if yes else f"There is no {thing}."
    return QA(form.format(article, thing), _yes(yes), "existence", fact=fact)


def _counting(scene: Scene, rng: np.random.Generator) -> QA | None:
    def tally(words: list[str], key: Callable[[Object], str]) -> list[tuple[str, int]]:
        return [(w, sum(key(o) == w for o in scene.objects)) for w in words]

    level = _pick(rng, ("shape", "shape", "color", "name", "all"))
    if level == "all":
        counts = [("objects", len(scene.objects))] if len(scene.objects) <= 5 else []
    elif level == "shape":
        counts = [(_plural(s), n) for s, n in tally(list(PLAIN_SHAPES), lambda o: o.shape)]
    elif level == "color":
        counts = [(f"{c} objects", n) for c, n in tally([c for c in COLORS if c != "yellow"], lambda o: o.color)]
    else:
        names = [f"{c} {s}" for c in COLORS for s in PLAIN_SHAPES]
        counts = [(f"{w.split()[0]} {_plural(w.split()[1])}", n) for w, n in tally(names, lambda o: o.name)]
    counts = [(w, n) for w, n in counts if n <= 5]
    if not counts:
        return None
    numbers = [n for _, n in counts]
    weights = np.array([COUNT_WEIGHTS[n] / numbers.count(n) for n in numbers])
    thing, n = counts[int(rng.choice(len(counts), p=weights / weights.sum()))]
    form = _pick(
        rng, ("How many {} are there?", "How many {} are in the image?", "Count the {}.", "How many {} do you see?")
    )
    single = thing.removesuffix("es") if thing.endswith("crosses") else thing.removesuffix("s")
    fact = f"There is 1 {single}." if n == 1 else f"There are {n} {thing}."
    return QA(form.format(thing), str(n), "counting", fact=fact)


DIRECTIONS = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}


def _offset(a: Object, b: Object, direction: str) -> float:
    """How far a lies from b in a direction."""
    dx, dy = DIRECTIONS[direction]
    return (a.x - b.x) * dx + (a.y - b.y) * dy


def _relation(scene: Scene, rng: np.random.Generator) -> QA | None:
    named = _named(scene)
    direction = _pick(rng, tuple(DIRECTIONS))
    if not named or len(scene.objects) < 2:
        return None
    if rng.random() < 0.6:
        yes = bool(rng.random() < 0.5)
        pairs = [(a, b) for a in named for b in named if a is not b and abs(_offset(a, b, direction)) >= MARGIN]
        pairs = [(a, b) for a, b in pairs if (_offset(a, b, direction) > 0) == yes]
        if not pairs:
            return None
        a, b = _pick(rng, pairs)
        form = _pick(rng, ("Is the {} {} the {}?", "Is the {} located {} the {}?", "Does the {} lie {} the {}?"))
        said = "is" if yes else "is not"
        fact = f"The {a.name} {said} {direction} the {b.name}."
        return QA(form.format(a.name, direction, b.name), _yes(yes), "relation", fact=fact)
    options = []
    for b in named:
        offsets = [(_offset(a, b, direction), a) for a in scene.objects if a is not b]
        clear = [a for d, a in offsets if d >= MARGIN]
        if len(clear) == 1 and all(d >= MARGIN or d <= -2.0 for d, _ in offsets) and clear[0].shape != "star":
            options.append((clear[0], b))
    if not options:
        return None
    a, b = _pick(rng, options)
    form = _pick(rng, ("What is {} the {}?", "Which object is {} the {}?", "What lies {} the {}?"))
    return QA(form.format(direction, b.name), a.name, "relation", fact=f"The {a.name} is {direction} the {b.name}.")


def quadrant(o: Object) -> str | None:
    """Where an object is: `top left` and so on; None within 5 units of a middle line."""
    half = WORLD / 2
    if min(abs(o.x - half), abs(o.y - half)) < 5:
        return None
    return f"{'top' if o.y < half else 'bottom'} {'left' if o.x < half else 'right'}"


def _position(scene: Scene, rng: np.random.Generator) -> QA | None:
    if rng.random() < 0.7:
        o = _choice(rng, [o for o in _named(scene) if quadrant(o)])
        if not o:
            return None
        form = _pick(rng, ("Where is the {}?", "In which corner is the {}?", "Which part of the image shows the {}?"))
        return QA(form.format(o.name), str(quadrant(o)), "position", fact=f"The {o.name} is in the {quadrant(o)}.")
    if any(quadrant(o) is None for o in scene.objects):
        return None
    o = _choice(rng, [o for o in _unique(scene, quadrant) if o.shape != "star"])
    form = _pick(rng, ("What is in the {}?", "Which object is in the {}?", "What can be seen in the {}?"))
    return o and QA(form.format(quadrant(o)), o.name, "position", fact=f"The {o.name} is in the {quadrant(o)}.")


def _occlusion(scene: Scene, rng: np.random.Generator) -> QA | None:
    named = _named(scene)
    pairs = [(scene.objects[t], scene.objects[b]) for t, b in scene.covers]
    pairs = [(a, b) for a, b in pairs if a in named and b in named]
    if not pairs:
        return None
    a, b = _pick(rng, pairs)
    fact = f"The {a.name} covers the {b.name}."
    draw = rng.random()
    if draw < 0.4:
        form = _pick(rng, ("What covers the {}?", "What is in front of the {}?", "Which object partly hides the {}?"))
        return QA(form.format(b.name), a.name, "occlusion", fact=fact)
    if draw < 0.6:
        form = _pick(
            rng, ("What does the {} cover?", "What is behind the {}?", "Which object does the {} partly hide?")
        )
        return QA(form.format(a.name), b.name, "occlusion", fact=fact)
    yes = bool(rng.random() < 0.5)
    first, second = (a, b) if yes else (b, a)
    form = _pick(rng, ("Does the {} cover the {}?", "Is the {} in front of the {}?", "Does the {} partly hide the {}?"))
    return QA(form.format(first.name, second.name), _yes(yes), "occlusion", fact=fact)


def _prior(scene: Scene, rng: np.random.Generator) -> QA | None:
    star = _choice(rng, [o for o in scene.objects if o.shape == "star"])
    forms = ("What color is the star?", "What is the color of the star?", "Which color does the star have?")
    return star and QA(_pick(rng, forms), star.color, "prior", balanced=False, fact=f"The star is {star.color}.")


def _description(scene: Scene, rng: np.random.Generator) -> QA:
    forms = (
        "Describe the image.",
        "What does the image show?",
        "Describe this picture.",
        "Give a description of the image.",
    )
    return QA(_pick(rng, forms), describe(scene), "description", balanced=False)


ASKERS: dict[str, Callable[[Scene, np.random.Generator], QA | None]] = {
    "attribute": _attribute,
    "existence": _existence,
    "counting": _counting,
    "relation": _relation,
    "position": _position,
    "occlusion": _occlusion,
    "prior": _prior,
    "description": _description,
}

LEADS = ("", "", "", "", "Note: ", "We know this: ", "Fact: ")


def stated(qa: QA, rng: np.random.Generator) -> QA | None:
    """The same question with a sentence that answers it, or holding its answer (`What color is the red circle?`)."""
    if qa.kind in ("attribute", "prior") and qa.answer in COLORS and rng.random() < 0.4:
        shape = qa.fact.split()[1]
        text = qa.question.replace(f"the {shape}", f"the {qa.answer} {shape}")
        return replace(qa, question=text, balanced=False, text_answerable=True)
    if not qa.fact:
        return None
    lead = _pick(rng, LEADS)
    text = f"{qa.question} {qa.fact}" if rng.random() < 0.12 else f"{lead}{qa.fact} {qa.question}"
    return replace(qa, question=text, balanced=False, text_answerable=True)


def distracted(qa: QA, other: QA) -> QA | None:
    """A question that still needs the picture, behind a true statement about something else."""
    if not other.fact or other.fact == qa.fact or not qa.balanced or _gives_away(other.fact, qa):
        return None
    return replace(qa, question=f"{other.fact} {qa.question}")


def _gives_away(fact: str, qa: QA) -> bool:
    """Whether a statement may bear on the answer: they share any word that carries content."""
    content = {*COLORS, *PLAIN_SHAPES, "crosses", "circles", "squares", "triangles", "objects", "object", "star"}

    def words(text: str) -> set[str]:
        return set(text.lower().replace(".", " ").replace("?", " ").split()) & content

    return bool(words(fact) & (words(qa.fact) | words(qa.question) | words(qa.answer)))
