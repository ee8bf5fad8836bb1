"""The tokenizer, the template, packed rows, and the micro models that ship in `models/`."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoProcessor, AutoTokenizer, CLIPModel

from micro.evaluate import BLINDS, conversation, load_vlm, misses, response_losses
from micro.forward import auc
from micro.heldout import answer_packed, examination
from micro.rows import PREFIX, make_block, pack, prefix_ids
from micro.save import sha256
from micro.text import nlvr_sentences, tokenizer_corpus
from micro.tokenizer import Encoder, clip_tokenizer, train_tokenizer
from micro.train_clip import retrieval
from micro.world import render

MODELS = Path(__file__).resolve().parents[2] / "models"
SAMPLE = 50
# A sample of 50 scenes has a standard error of two to five points a kind, so its bars lie that much below those of
# `evaluate.BARS`, which the card's 200 scenes are held to.
SAMPLE_BARS = {"attribute": 0.92, "existence": 0.92, "counting": 0.8, "relation": 0.85, "position": 0.9}


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(42)


@pytest.fixture(scope="module")
def shipped():
    torch.set_num_threads(2)
    return load_vlm(MODELS / "micro-vlm")


@pytest.fixture(scope="module")
def exam():
    scenes, exams = examination(42, SAMPLE)
    return scenes, exams, [Image.fromarray(render(s)) for s in scenes]


@pytest.mark.parametrize(
    "text", ["café 東京 🙂", "  two  spaces\n\nand\tlines ", "it's 12,345.67 % — really?", "", "\x00\x7f"]
)
def test_any_text_comes_back(tokenizer, text):
    ids = tokenizer(text)["input_ids"]
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.decode(ids[1:], clean_up_tokenization_spaces=False) == text


def test_word_by_word_encoding_is_the_tokenizers_own(tokenizer):
    encode = Encoder(tokenizer)
    for text in [*tokenizer_corpus(42, 100), *nlvr_sentences()]:
        assert encode(text) == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_the_tokenizer_is_made_again_from_its_seed(tokenizer):
    kept = AutoTokenizer.from_pretrained(MODELS / "micro-vlm")
    assert kept.get_vocab() == tokenizer.get_vocab() and len(kept) == 1000
    text = "USER: How many red crosses are there? ASSISTANT: 3"
    assert kept(text)["input_ids"] == tokenizer(text)["input_ids"]


def test_a_clip_text_ends_in_the_highest_id(tokenizer):
    ids = clip_tokenizer(tokenizer)("A small red circle on a gray background.")["input_ids"]
    assert ids[-1] == max(ids) == 1000 and ids.count(1000) == 1


@pytest.mark.parametrize("image", [True, False])
def test_the_prompt_is_a_prefix_of_the_conversation(shipped, image):
    _, processor = shipped
    asked = processor.apply_chat_template(
        conversation("Is there a red circle?", image=image), add_generation_prompt=True
    )
    full = processor.apply_chat_template(conversation("Is there a red circle?", "yes", image=image))
    assert full == asked + " yes</s>"
    tokenize = processor.tokenizer
    before, after = tokenize(asked)["input_ids"], tokenize(full)["input_ids"]
    assert after[: len(before)] == before
    kept = tokenize.apply_chat_template(
        conversation("Is there a red circle?", "yes", image=image),
        tokenize=True, return_dict=True, return_assistant_tokens_mask=True,
    )  # fmt: skip
    answer = [i for i, kind in zip(kept["input_ids"], kept["assistant_masks"], strict=True) if kind]
    assert answer == after[len(before) :] and answer[-1] == tokenize.eos_token_id


def test_blocks_see_the_picture_only_where_their_mode_says_so(tokenizer):
    encode = Encoder(tokenizer)
    _, exams = examination(1, 2)
    modes = ("see", "masked", "drop", "remove", "text")
    blocks = [make_block(encode, exams[0].qa, mode, tokenizer.eos_token_id) for mode in modes]
    batch = pack([blocks], prefix_ids(tokenizer), tokenizer.pad_token_id)
    mask = batch["mask"][0, 0]
    at = PREFIX
    for block, mode in zip(blocks, modes, strict=True):
        own = slice(at, at + len(block.ids))
        assert mask[own, 4:PREFIX].all() if mode == "see" else not mask[own, 4:PREFIX].any()
        assert not mask[own, PREFIX:at].any() and not mask[own, own.stop :].any()
        at = own.stop
    firsts = [int(batch["position_ids"][0, PREFIX + sum(len(b.ids) for b in blocks[:i])]) for i in range(5)]
    assert firsts == [68, 68, 5, 4, 3]


@pytest.mark.long
def test_packed_rows_equal_single_conversations(shipped, exam):
    model, processor = shipped
    scenes, exams, pictures = exam
    few = exams[:40]
    answers = [e.qa.answer for e in few]
    for mode in ("see", *BLINDS):
        exact, loss = answer_packed(model, processor.tokenizer, scenes, few, answers, mode)
        images, asked = [pictures[e.scene] for e in few], [e.qa.question for e in few]
        plain_exact, plain = response_losses(model, processor, images, asked, answers, mode)
        assert torch.equal(exact, plain_exact)
        assert torch.allclose(loss, plain, atol=1e-4)


@pytest.mark.long
def test_the_shipped_vlm_reaches_its_bars_and_its_necessity_separates(shipped, exam):
    model, processor = shipped
    scenes, exams, _ = exam
    assert misses(json.loads((MODELS / "micro-vlm" / "training.json").read_text())["heldout"]) == []
    answers = [e.qa.answer for e in exams]
    exact, seen = answer_packed(model, processor.tokenizer, scenes, exams, answers, "see")
    for kind, bar in SAMPLE_BARS.items():
        assert float(exact[torch.tensor([e.group == kind for e in exams])].float().mean()) >= bar, kind
    visual, stated = (
        torch.tensor([f(e) for e in exams]) for f in (lambda e: e.qa.balanced, lambda e: e.group == "stated")
    )
    for mode in BLINDS:
        need = answer_packed(model, processor.tokenizer, scenes, exams, answers, mode)[1] - seen
        assert auc(need[visual], need[stated]) >= 0.95, mode


@pytest.mark.long
def test_the_shipped_vlm_generates_its_answers(shipped, exam):
    model, processor = shipped
    _, exams, pictures = exam
    few = [e for e in exams if e.group == "attribute"][:12]
    right = 0
    for e in few:
        asked = processor.apply_chat_template(conversation(e.qa.question), add_generation_prompt=True)
        inputs = processor(images=pictures[e.scene], text=asked, return_tensors="pt")
        out = model.generate(**inputs, max_new_tokens=8, do_sample=False)
        said = processor.tokenizer.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        right += said.strip() == e.qa.answer
    assert right >= len(few) - 2


def test_the_processor_leaves_pictures_of_the_world_as_they_are(shipped, exam):
    _, processor = shipped
    pixels = processor.image_processor(exam[2][0], return_tensors="pt")["pixel_values"][0]
    expected = torch.from_numpy(np.asarray(exam[2][0]) / 127.5 - 1).permute(2, 0, 1).float()
    assert torch.allclose(pixels, expected, atol=1e-6)


def test_the_shipped_clip_finds_captions():
    model = CLIPModel.from_pretrained(MODELS / "micro-clip", dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "micro-clip")
    assert AutoProcessor.from_pretrained(MODELS / "micro-clip").tokenizer.eos_token == "<|endoftext|>"
    assert retrieval(model, tokenizer, 42, scenes=300) >= 0.88


@pytest.mark.parametrize("name", ["micro-vlm", "micro-clip"])
def test_folders_say_how_they_came_to_be(name):
    record = json.loads((MODELS / name / "training.json").read_text())
    assert record["sha256"]["model.safetensors"] == sha256(MODELS / name / "model.safetensors")
    assert record["seed"] == 42 and record["curve"][-1]["step"] == record["steps"]
    assert record["parameters"] <= (2_000_000 if name == "micro-vlm" else 1_000_000)
    card = (MODELS / name / "README.md").read_text()
    assert "Apache-2.0" in card and record["command"] in card and "## Limits" in card
