"""The world: scenes of one to six coloured shapes on a plain background, drawn at 64 x 64.

A scene is data; `render` draws it, `describe` says it, `cell_labels` says what lies in each 8 x 8 patch.
Everything follows from `scene_rng(seed, split, index)`, so no held-out scene is ever a training scene.

A prior is planted on purpose: a scene has at most one star, and 95 % of the stars are yellow. All else is
symmetric in colours and in the other shapes, which is what lets `questions` balance its answers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "triangle", "cross", "star")
PLAIN_SHAPES = SHAPES[:4]
COLORS = ("red", "green", "blue", "yellow", "orange", "purple", "cyan")
SIZES = ("small", "large")
BACKGROUNDS = ("black", "gray", "white")

PALETTE = {
    "red": (214, 30, 38),
    "green": (28, 150, 44),
    "blue": (36, 62, 226),
    "yellow": (246, 224, 30),
    "orange": (246, 132, 16),
    "purple": (140, 38, 168),
    "cyan": (40, 208, 220),
}
TONES = {"black": (16, 16, 18), "gray": (124, 124, 126), "white": (240, 240, 238)}
RADII = {"small": (5.0, 6.0), "large": (8.6, 9.8)}

WORLD = 64
PATCH = 8
STAR_RATE = 0.3
STAR_YELLOW = 0.95
COUNT_WEIGHTS = (0.08, 0.14, 0.2, 0.2, 0.2, 0.18)
SPLITS = {"train": 0, "heldout": 1, "demo": 2, "tokenizer": 3, "vision": 4, "clip": 5}


@dataclass(frozen=True)
class Object:
    """One shape. `x`, `y`: centre in world units (0..64, y down); `radius` likewise; a higher `layer` lies on top."""

    shape: str
    color: str
    size: str
    x: float
    y: float
    radius: float
    layer: int
    tint: tuple[int, int, int] = (0, 0, 0)

    @property
    def name(self) -> str:
        """Colour and shape, e.g. `red circle`."""
        return f"{self.color} {self.shape}"


@dataclass(frozen=True)
class Scene:
    """Objects in order of layer, a background tone, and `covers`: pairs (top, bottom) of object indices."""

    objects: tuple[Object, ...]
    background: str
    covers: tuple[tuple[int, int], ...] = ()


def scene_rng(seed: int, split: str, index: int) -> np.random.Generator:
    """A generator of its own for scene `index` of a split (a name in `SPLITS`)."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, SPLITS[split], index])))


def scene_hash(scene: Scene) -> str:
    """SHA-256 of the scene's pixels: equal scenes look equal."""
    return hashlib.sha256(render(scene).tobytes()).hexdigest()


def make_scene(rng: np.random.Generator, occlusion: bool | None = None) -> Scene:
    """Draw a scene. `occlusion` forces (or forbids) one object partly covering another; by default 45 % of scenes of
    two or more objects have such a pair, and no other objects overlap."""
    n = 1 + int(rng.choice(6, p=COUNT_WEIGHTS))
    if occlusion is None:
        occlusion = n >= 2 and rng.random() < 0.45
    elif occlusion:
        n = max(n, 2)
    while True:
        looks = _looks(rng, n)
        placed = _place(rng, [look[3] for look in looks], occlusion)
        if placed is None:
            continue
        objects = tuple(
            Object(shape, color, size, x, y, radius, layer, tint)
            for layer, ((shape, color, size, radius, tint), (x, y)) in enumerate(zip(looks, placed, strict=True))
        )
        covers = ((1, 0),) if occlusion else ()
        if occlusion and not 0.45 <= visible_fraction(objects[0], objects[1]) <= 0.85:
            continue
        return Scene(objects, str(rng.choice(BACKGROUNDS)), covers)


def _looks(rng: np.random.Generator, n: int) -> list[tuple[str, str, str, float, tuple[int, int, int]]]:
    """Shape, colour, size, radius and tint of n objects; some scenes repeat a shape or a colour: counts vary."""
    mode = rng.random()
    common_shape = str(rng.choice(PLAIN_SHAPES)) if mode < 0.45 else None
    common_color = str(rng.choice(COLORS)) if 0.3 < mode < 0.65 else None
    star = int(rng.integers(n)) if rng.random() < STAR_RATE else -1
    looks = []
    for i in range(n):
        shape = common_shape if common_shape and rng.random() < 0.75 else str(rng.choice(PLAIN_SHAPES))
        color = common_color if common_color and rng.random() < 0.75 else str(rng.choice(COLORS))
        if i == star:
            shape = "star"
            others = [c for c in COLORS if c != "yellow"]
            color = "yellow" if rng.random() < STAR_YELLOW else str(rng.choice(others))
        size = str(rng.choice(SIZES))
        radius = float(rng.uniform(*RADII[size]))
        tint = tuple(int(t) for t in rng.integers(-8, 9, size=3))
        looks.append((shape, color, size, radius, tint))
    return looks


def _place(rng: np.random.Generator, radii: list[float], occlusion: bool) -> list[tuple[float, float]] | None:
    """Centres for the objects, or None where they do not fit this time. Objects 0 and 1 overlap if `occlusion`."""
    spots: list[tuple[float, float]] = []
    for i, r in enumerate(radii):
        for _ in range(40):
            low, high = r + 1.0, WORLD - r - 1.0
            if occlusion and i == 1:
                angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 0.95) * (radii[0] + r)
                x, y = spots[0][0] + reach * np.cos(angle), spots[0][1] + reach * np.sin(angle)
                if not (low <= x <= high and low <= y <= high):
                    continue
            else:
                x, y = rng.uniform(low, high), rng.uniform(low, high)
                if any(
                    (x - u) ** 2 + (y - v) ** 2 < (r + q + 1.0) ** 2 for (u, v), q in zip(spots, radii, strict=False)
                ):
                    continue
            if occlusion and i == 1 and (x - spots[0][0]) ** 2 + (y - spots[0][1]) ** 2 < 49:
                continue
            spots.append((float(x), float(y)))
            break
        else:
            return None
    return spots


def _outline(obj: Object, scale: float) -> list[tuple[float, float]]:
    """The polygon of an object that is not a circle, in pixels."""
    r = obj.radius
    if obj.shape == "square":
        a = 0.88 * r
        points = [(-a, -a), (a, -a), (a, a), (-a, a)]
    elif obj.shape == "triangle":
        points = [(0.0, -r), (0.98 * r, 0.82 * r), (-0.98 * r, 0.82 * r)]
    elif obj.shape == "cross":
        a, b = r, 0.36 * r
        points = [
            (-b, -a),
            (b, -a),
            (b, -b),
            (a, -b),
            (a, b),
            (b, b),
            (b, a),
            (-b, a),
            (-b, b),
            (-a, b),
            (-a, -b),
            (-b, -b),
        ]
    else:
        turns = np.arange(10) * np.pi / 5
        reach = np.where(np.arange(10) % 2 == 0, 1.08 * r, 0.46 * r)
        points = list(zip(reach * np.sin(turns), -reach * np.cos(turns), strict=True))
    return [((obj.x + dx) * scale, (obj.y + dy) * scale) for dx, dy in points]


def _draw(draw: ImageDraw.ImageDraw, obj: Object, fill: tuple[int, int, int] | int, scale: float) -> None:
    if obj.shape == "circle":
        r = 0.96 * obj.radius
        box = [(obj.x - r) * scale, (obj.y - r) * scale, (obj.x + r) * scale, (obj.y + r) * scale]
        draw.ellipse(box, fill=fill)
    else:
        draw.polygon(_outline(obj, scale), fill=fill)


def render(scene: Scene, size: int = WORLD) -> np.ndarray:
    """The picture: uint8, (size, size, 3), anti-aliased (drawn four times as large, then averaged)."""
    big = Image.new("RGB", (4 * size, 4 * size), TONES[scene.background])
    draw = ImageDraw.Draw(big)
    for obj in scene.objects:
        fill = tuple(int(np.clip(c + t, 0, 255)) for c, t in zip(PALETTE[obj.color], obj.tint, strict=True))
        _draw(draw, obj, fill, 4 * size / WORLD)
    return np.asarray(big.reduce(4))


def owners(scene: Scene, size: int = WORLD) -> np.ndarray:
    """Which object is on top at each pixel: int, (size, size), 0 for the background, i + 1 for object i."""
    canvas = Image.new("L", (size, size), 0)
    draw = ImageDraw.Draw(canvas)
    for i, obj in enumerate(scene.objects):
        _draw(draw, obj, i + 1, size / WORLD)
    return np.asarray(canvas)


def visible_fraction(bottom: Object, top: Object) -> float:
    """The share of `bottom` that `top` leaves in sight."""
    alone = int((owners(Scene((bottom,), "black")) == 1).sum())
    both = int((owners(Scene((bottom, top), "black")) == 1).sum())
    return both / max(1, alone)


def describe(scene: Scene) -> str:
    """One sentence naming every object from left to right, and the background."""
    parts = [f"a {o.size} {o.name}" for o in sorted(scene.objects, key=lambda o: o.x)]
    listed = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
    return f"{listed[0].upper()}{listed[1:]} on a {scene.background} background."


def cell_labels(scene: Scene) -> np.ndarray:
    """What each 8 x 8 patch holds: int64, (64, 10), for training the vision tower.

    Columns 0-2: shape, colour, size of the object that fills most of the patch; 3-5 the same of the object whose
    centre lies in it, 6-7 that centre's x and y inside the patch in pixels (0 is nothing, else the index plus 1);
    8-9 the patch's own column and row, so that its feature keeps saying where it is.
    """
    side = WORLD // PATCH
    labels = np.zeros((side * side, 10), dtype=np.int64)
    codes = np.zeros((len(scene.objects) + 1, 3), dtype=np.int64)
    for i, o in enumerate(scene.objects):
        codes[i + 1] = (SHAPES.index(o.shape) + 1, COLORS.index(o.color) + 1, SIZES.index(o.size) + 1)
    tiles = owners(scene).reshape(side, PATCH, side, PATCH).transpose(0, 2, 1, 3).reshape(side * side, -1)
    pixels = np.stack([(tiles == i + 1).sum(axis=1) for i in range(len(scene.objects))], axis=1)
    best = pixels.argmax(axis=1)
    labels[:, :3] = np.where((pixels.max(axis=1) >= 6)[:, None], codes[best + 1], 0)
    for i, o in enumerate(scene.objects):
        cell = int(o.y // PATCH) * side + int(o.x // PATCH)
        labels[cell, 3:6] = codes[i + 1]
        labels[cell, 6:8] = int(o.x % PATCH) + 1, int(o.y % PATCH) + 1
    labels[:, 8], labels[:, 9] = np.arange(side * side) % side, np.arange(side * side) // side
    return labels
