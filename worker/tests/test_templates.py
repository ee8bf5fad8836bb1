"""Templates in the style of many families: what is trained is the answer and what ends its turn, or the row is refused.

The same file of templates is read by the test in process (src/models/processing/labels.test.ts).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tiny import conversation, make

from winnow_worker.data import RowError, Sample
from winnow_worker.families.reader import Reader

CASES = json.loads((Path(__file__).parent / "templates.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make("llava", tmp_path_factory.mktemp("templates") / "llava")


def reader_of(llava: Path, folder: Path, template: str) -> Reader:
    shutil.copytree(llava, folder)
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    return Reader(folder)


def trained_text(reader: Reader, messages: list[dict]) -> str:
    try:
        encoded = reader.encode(Sample(0, "r", messages, []))
    except RowError as error:
        return error.code
    return "".join(reader.tokenizer.decode(encoded.ids[encoded.trained]).split())


@pytest.mark.parametrize("case", CASES["templates"], ids=lambda case: case["name"])
def test_the_answer_alone_is_trained_or_the_row_refused(llava: Path, tmp_path: Path, case: dict) -> None:
    reader = reader_of(llava, tmp_path / "model", case["template"])
    for answer in CASES["answers"]:
        found = trained_text(reader, conversation(("Which?", answer)))
        if case["verdict"] == "refused":
            assert found == "TEMPLATE_NO_LABELS", answer
        elif case["verdict"] == "answer":
            ending = "".join(
                reader.template.ending([{"role": "user", "content": [{"type": "text", "text": "?"}]}]).split()
            )
            wanted = "".join(answer.split()) + ending
            assert found == (wanted or "NO_RESPONSE"), answer
        elif answer.upper() != answer:
            assert found == "TEMPLATE_NO_LABELS", answer


def test_two_turns_are_trained_each_by_itself(llava: Path, tmp_path: Path) -> None:
    case = next(c for c in CASES["templates"] if c["name"] == "Phi")
    reader = reader_of(llava, tmp_path / "model", case["template"])
    assert trained_text(reader, conversation(("Which?", "A"), ("And?", "assistant"))) == "A<|end|>assistant<|end|>"


def test_a_template_in_the_tokenizers_configuration_alone_is_found(llava: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(llava, folder)
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").unlink()
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": template}))
    assert trained_text(Reader(folder), conversation(("Which?", "A"))) == "A</s>"


def test_padding_in_an_answer_is_not_trained(llava: Path) -> None:
    assert trained_text(Reader(llava), conversation(("Which?", "<pad> red"))) == "red</s>"
