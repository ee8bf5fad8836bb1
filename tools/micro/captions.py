"""Captions of scenes: the description, its paraphrases, and near misses that make contrastive training look closely."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .world import BACKGROUNDS, COLORS, PLAIN_SHAPES, SIZES, Object, Scene, describe

LEADS = ("", "A picture of ", "An image of ", "This picture shows ", "There is ")


def _pick(rng: np.random.Generator, items):
    return items[int(rng.integers(len(items)))]


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """The scene's description (60 %), that with a lead-in, or a list of colours and shapes."""
    draw = rng.random()
    said = describe(scene)
    if draw < 0.6:
        return said
    if draw < 0.8:
        return _pick(rng, LEADS[1:]) + said[0].lower() + said[1:]
    names = [o.name for o in sorted(scene.objects, key=lambda o: o.x)]
    listed = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
    lead = _pick(rng, LEADS[:4])
    return f"{lead}{listed}." if lead else f"{listed[0].upper()}{listed[1:]}."


def near_miss(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene with one thing changed, so that its description does not fit any more."""
    objects = list(scene.objects)
    i = int(rng.integers(len(objects)))
    o = objects[i]

    def other(items: tuple[str, ...], value: str) -> str:
        return _pick(rng, [x for x in items if x != value])

    changed: dict[str, Object] = {
        "color": replace(o, color=other(COLORS, o.color)),
        "shape": replace(o, shape=other(PLAIN_SHAPES, o.shape)),
        "size": replace(o, size=other(SIZES, o.size)),
    }
    what = _pick(rng, ("color", "shape", "size", "background", "order"))
    if what == "background":
        return replace(scene, background=other(BACKGROUNDS, scene.background))
    if what == "order":
        unlike = [j for j, p in enumerate(objects) if (p.name, p.size) != (o.name, o.size)]
        if unlike:
            j = _pick(rng, unlike)
            objects[i], objects[j] = replace(o, x=objects[j].x), replace(objects[j], x=o.x)
            return replace(scene, objects=tuple(objects))
        what = "color"
    objects[i] = changed[what]
    return replace(scene, objects=tuple(objects))
