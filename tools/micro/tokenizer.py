"""The micro models' tokenizer: byte-level BPE (GPT-2's pre-tokenizer), so that any text can be read and scored."""

from __future__ import annotations

from functools import lru_cache

import regex
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import CLIPImageProcessor, LlavaProcessor, PreTrainedTokenizerFast

from .text import tokenizer_corpus
from .world import PATCH, WORLD

VOCABULARY = 1000
CLIP_END = "<|endoftext|>"
CLIP_LENGTH = 96
SPECIAL = ("<pad>", "<s>", "</s>", "<image>")
GPT2_SPLIT = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")

# LLaVA-1.5's turns. What `generation` encloses is what the loss is on: a space, the answer, the end.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ 'ASSISTANT:' }}"
    "{% generation %}{{ ' ' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}"
    "{% endif %}{{ eos_token }}{% endgeneration %}"
    "{% elif message['role'] == 'system' %}"
    "{% if message['content'] is string %}{{ message['content'] + ' ' }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] + ' ' }}{% endif %}{% endfor %}"
    "{% endif %}"
    "{% else %}{{ 'USER: ' }}"
    "{% if message['content'] is string %}{{ message['content'] + ' ' }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}{{ '<image>\n' }}{% endif %}{% endfor %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] + ' ' }}{% endif %}{% endfor %}"
    "{% endif %}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)


def train_tokenizer(seed: int) -> PreTrainedTokenizerFast:
    """Train the tokenizer. `<s>` is put in front of every text."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[AddedToken(t, special=True, normalized=False) for t in SPECIAL],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(tokenizer_corpus(seed), trainer)
    bos = backend.token_to_id("<s>")
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", bos)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        additional_special_tokens=["<image>"],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=1024,
        padding_side="right",
        model_input_names=["input_ids", "attention_mask"],
    )


def clip_tokenizer(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """The same tokenizer for the micro CLIP: every text ends in a token of its own, `<|endoftext|>`.

    Transformers pools a CLIP text at its end token, and for old configurations (end token 2) at the highest id. The
    new token has the highest id, so both readings agree.
    """
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.add_special_tokens([AddedToken(CLIP_END, special=True, normalized=False)])
    bos, end = backend.token_to_id("<s>"), backend.token_to_id(CLIP_END)
    backend.post_processor = processors.TemplateProcessing(
        single=f"<s> $A {CLIP_END}", special_tokens=[("<s>", bos), (CLIP_END, end)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token=CLIP_END,
        pad_token="<pad>",
        clean_up_tokenization_spaces=False,
        model_max_length=CLIP_LENGTH,
        padding_side="right",
        model_input_names=["input_ids", "attention_mask"],
    )


def image_processor() -> CLIPImageProcessor:
    """64 x 64, bicubic, no crop, mean and deviation 0.5."""
    return CLIPImageProcessor(
        do_resize=True,
        size={"height": WORLD, "width": WORLD},
        resample=3,
        do_center_crop=False,
        do_rescale=True,
        rescale_factor=1 / 255,
        do_normalize=True,
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
        do_convert_rgb=True,
    )


def vlm_processor(tokenizer: PreTrainedTokenizerFast) -> LlavaProcessor:
    """The processor of the micro VLM: one `<image>` becomes 64."""
    return LlavaProcessor(
        image_processor=image_processor(),
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token="<image>",
        chat_template=CHAT_TEMPLATE,
    )


class Encoder:
    """The tokenizer's ids for text without special tokens, memorised word by word: templated text repeats itself."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        encode = tokenizer.backend_tokenizer.encode
        self._word = lru_cache(maxsize=None)(lambda word: tuple(encode(word, add_special_tokens=False).ids))

    def __call__(self, text: str) -> list[int]:
        return [i for word in GPT2_SPLIT.findall(text) for i in self._word(word)]
