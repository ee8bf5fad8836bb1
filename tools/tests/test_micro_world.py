"""The generated world and its questions."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from micro.captions import caption, near_miss
from micro.questions import BALANCED_KINDS, KINDS, distracted, questions, stated
from micro.text import general
from micro.world import (
    COLORS,
    SHAPES,
    SIZES,
    SPLITS,
    cell_labels,
    describe,
    make_scene,
    owners,
    render,
    scene_hash,
    scene_rng,
)

SCENES = 1500


@pytest.fixture(scope="module")
def scenes():
    return [make_scene(scene_rng(7, "tokenizer", i)) for i in range(SCENES)]


def test_a_scene_follows_from_seed_split_and_index():
    first, again = make_scene(scene_rng(42, "train", 5)), make_scene(scene_rng(42, "train", 5))
    assert first == again and np.array_equal(render(first), render(again))
    assert make_scene(scene_rng(43, "train", 5)) != first


def test_heldout_scenes_are_never_training_scenes():
    hashes = {split: {scene_hash(make_scene(scene_rng(42, split, i))) for i in range(300)} for split in SPLITS}
    assert sum(map(len, hashes.values())) == len(set().union(*hashes.values())) == 300 * len(SPLITS)


def test_pictures_show_their_scenes(scenes):
    for scene in scenes[:100]:
        picture = render(scene)
        assert picture.shape == (64, 64, 3) and picture.dtype == np.uint8
        seen = set(np.unique(owners(scene))) - {0}
        assert seen == set(range(1, len(scene.objects) + 1)), "every object is in sight"
        assert describe(scene).count(" a ") + 1 >= len(scene.objects)
        labels = cell_labels(scene)
        assert labels.shape == (64, 10) and (labels[:, 3] > 0).sum() <= len(scene.objects)


def test_stars_are_yellow_as_planted(scenes):
    colors = [o.color for s in scenes for o in s.objects if o.shape == "star"]
    assert 0.92 < colors.count("yellow") / len(colors) < 0.98
    assert all(sum(o.shape == "star" for o in s.objects) <= 1 for s in scenes)


# What always giving the commonest answer to the same text may reach: chance, and what a finite sample adds to it.
CHANCE = {"attribute": 0.4, "existence": 0.56, "counting": 0.36, "relation": 0.56, "position": 0.36, "occlusion": 0.56}


@pytest.mark.parametrize("kind", BALANCED_KINDS)
def test_balanced_kinds_cannot_be_guessed_from_their_text(scenes, kind):
    """Half of the scenes teach the commonest answer per text, the other half examine it."""
    rng = np.random.default_rng(3)
    learnt: dict[str, Counter] = defaultdict(Counter)
    hits = total = 0
    for index, scene in enumerate(scenes):
        for qa in [q for _ in range(3) for q in questions(scene, kind, rng)]:
            assert qa.balanced and not qa.text_answerable
            if index % 2 == 0:
                learnt[qa.question][qa.answer] += 1
            elif sum(learnt[qa.question].values()) >= 3:
                total += 1
                hits += learnt[qa.question].most_common(1)[0][0] == qa.answer
    if total >= 100:
        assert hits / total < CHANCE[kind]


@pytest.mark.parametrize("kind", ("existence", "relation", "occlusion"))
def test_yes_and_no_are_equally_frequent(scenes, kind):
    rng = np.random.default_rng(4)
    answers = Counter(q.answer for s in scenes for _ in range(3) for q in questions(s, kind, rng))
    assert abs(answers["yes"] / (answers["yes"] + answers["no"]) - 0.5) < 0.06


def test_answers_are_true(scenes):
    rng = np.random.default_rng(5)
    for scene in scenes[:400]:
        for qa in questions(scene, "counting", rng):
            words = qa.question.strip(".?").split()
            asked = [c for c in COLORS if c in words] + [s for s in SHAPES if any(w.startswith(s) for w in words)]
            assert int(qa.answer) == sum(all(p in (o.color, o.shape) for p in asked) for o in scene.objects), qa
        for qa in questions(scene, "occlusion", rng):
            top, bottom = (scene.objects[i] for i in scene.covers[0])
            if qa.answer not in ("yes", "no"):
                assert qa.answer in (top.name, bottom.name) and qa.answer not in qa.question


def test_stated_questions_hold_their_answer_and_never_contradict_the_scene(scenes):
    rng = np.random.default_rng(6)
    told = 0
    for scene in scenes[:300]:
        for kind in KINDS:
            for qa in questions(scene, kind, rng):
                text = stated(qa, rng)
                if text is None:
                    continue
                told += 1
                assert text.answer == qa.answer and text.text_answerable and not text.balanced
                if qa.answer not in ("yes", "no"):
                    assert qa.answer in text.question
    assert told > 500


def test_distractors_do_not_bear_on_the_answer(scenes):
    rng = np.random.default_rng(8)
    for scene in scenes[:300]:
        for qa in questions(scene, "attribute", rng):
            for other in questions(scene, "attribute", rng):
                mixed = distracted(qa, other)
                if mixed:
                    assert mixed.balanced
                    assert qa.answer in SIZES or qa.answer not in other.fact.replace(".", "").split()


def test_captions_and_near_misses_differ(scenes):
    rng = np.random.default_rng(9)
    for scene in scenes[:200]:
        assert caption(scene, rng).endswith(".")
        assert describe(near_miss(scene, rng)) != describe(scene) or len(scene.objects) > 1
    assert len({general(rng).question for _ in range(200)}) > 60
