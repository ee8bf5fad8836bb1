"""A model's chat template: conversations to text, and where the template itself says what the model writes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..data import RowError
from ..protocol import BAD_JOB, JobError

GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")
PROBE = "winnowprobe"


class ChatTemplate:
    """Renders conversations with a processor's template, or its tokenizer's where the processor has none."""

    def __init__(self, processor: Any, placeholder: str, folder: Path) -> None:
        self.processor, self.placeholder = processor, placeholder
        self.source = template_of(processor)
        if self.source is None:
            message = f"The model in {folder} has no chat template: put its chat_template.jinja into the folder."
            raise JobError(BAD_JOB, "TEMPLATE_MISSING", message)
        self.has_marks = GENERATION.search(self.source) is not None
        self.takes_parts = self._takes_parts()
        self.endings: dict[tuple, str | None] = {}

    def _takes_parts(self) -> bool:
        """Whether contents are lists of parts. Asks the template itself: one that takes strings prints the list."""
        try:
            parts = [{"type": "text", "text": PROBE}]
            text = self._apply([[{"role": "user", "content": parts}]], False)[0]
        except Exception:  # noqa: BLE001  templates raise what they like
            return False
        return PROBE in text.lower() and not re.search(r"[\"']type[\"']", text)

    def _apply(self, conversations: list[list[dict]], prompt: bool) -> list[str]:
        return self.processor.apply_chat_template(
            conversations, chat_template=self.source, add_generation_prompt=prompt, tokenize=False
        )

    def _worded(self, messages: list[dict]) -> list[dict]:
        """Messages as the template takes them: where it takes strings, an image is its token and a line break."""
        if self.takes_parts:
            return messages
        return [{"role": m["role"], "content": "".join(self._word(p) for p in m["content"])} for m in messages]

    def _word(self, part: dict) -> str:
        return part["text"] if part["type"] == "text" else f"{self.placeholder}\n"

    def render(self, conversations: list[list[dict]], prompt: bool) -> list[str | RowError]:
        """Texts of conversations, with the generation prompt or without it; an error for those that it refuses."""
        if not conversations:
            return []
        try:
            return list(self._apply([self._worded(one) for one in conversations], prompt))
        except Exception as error:  # noqa: BLE001  templates raise what they like, such as roles that don't alternate
            if len(conversations) == 1:
                return [RowError("TEMPLATE_REFUSES", f"the chat template refuses the conversation: {error}")]
            return [text for one in conversations for text in self.render([one], prompt)]

    def ending(self, before: list[dict]) -> str | None:
        """What the template writes behind an answer that follows these turns and ends the conversation; None where it
        doesn't write the answer. Asked once for each order of roles."""
        key = tuple(m["role"] for m in before)
        if key not in self.endings:
            probe = {"role": "assistant", "content": [{"type": "text", "text": PROBE}]}
            (text,) = self.render([[*before, probe]], False)
            known = isinstance(text, str) and PROBE in text
            self.endings[key] = text[text.rindex(PROBE) + len(PROBE) :] if known else None
        return self.endings[key]

    def marked(self, messages: list[dict]) -> tuple[str, list[tuple[int, int]]]:
        """The text of a conversation, and where its `{% generation %}` blocks lie in it (characters)."""
        from transformers.utils.chat_template_utils import render_jinja_template

        texts, marks = render_jinja_template(
            conversations=[self._worded(messages)], chat_template=self.source, return_assistant_tokens_mask=True,
            **self.processor.tokenizer.special_tokens_map,
        )  # fmt: skip
        return texts[0], [(int(start), int(end)) for start, end in marks[0]]


def template_of(processor: Any) -> str | None:
    """A processor's template, else its tokenizer's; of several the one named `default`."""
    for owner in (processor, processor.tokenizer):
        found = getattr(owner, "chat_template", None)
        found = found.get("default") if isinstance(found, dict) else found
        if found:
            return found
    return None
