"""Write how many tokens the processors of `transformers` make of images of many sizes, with the settings of each
checkpoint of a family record: the reference of the formulas in `src/cost/image-tokens/`.

Run: `python image_tokens.py OUT`. OUT gets `expected.json`: by checkpoint, for each size the features that the
processor counts, and for one picture how many it writes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import tiny
import transformers as t
from PIL import Image
from transformers.image_utils import SizeDict

from winnow_worker.families import module_of
from winnow_worker.families.processor import without_video
from winnow_worker.families.records import records

SIZES = [
    (336, 336), (640, 480), (480, 640), (1280, 720), (1920, 1080), (1024, 1024), (40, 40), (3840, 2160), (1500, 100),
    (100, 1500), (31, 33), (5000, 300), (449, 448), (896, 448), (333, 777), (1601, 999), (64, 30), (30, 70), (1, 7),
]  # fmt: skip
PICTURE = (640, 480)


def processor_of(name: str, rule: dict):
    """A family's processor with the settings of a checkpoint, and a tiny tokenizer."""
    if name in ("mistral3", "glm4v"):
        return OTHERS[name](rule)
    _, processor = getattr(tiny, f"make_{module_of(name)}")()
    images = processor.image_processor
    match rule["kind"]:
        case "fixed" | "crops":
            processor.image_seq_length = images.image_seq_length = rule["tokens"]
            if name == "llava":
                processor.patch_size = 14
                images.crop_size = SizeDict(height=336, width=336)
                images.size = SizeDict(shortest_edge=336)
            if name == "gemma3":
                shown = processor.tokenizer.image_token * rule["tokens"]
                processor.full_image_sequence = f"\n\n{processor.boi_token}{shown}<end_of_image>\n\n"
        case "resized":
            images.size = SizeDict(shortest_edge=rule["minPixels"], longest_edge=rule["maxPixels"])
            images.patch_size = rule["factor"] // 2
        case "anyres":
            processor.patch_size = rule["patch"]
            images.image_grid_pinpoints = rule["grids"]
            images.size = SizeDict(shortest_edge=rule["size"])
            images.crop_size = SizeDict(height=rule["size"], width=rule["size"])
        case "tiles":
            processor.image_seq_len = rule["tokens"]
            images.size = SizeDict(longest_edge=rule["longest"])
            images.max_image_size = {"longest_edge": rule["tile"]}
        case "grid":
            processor.image_seq_length = rule["tokens"]
            images.size = SizeDict(height=rule["tile"], width=rule["tile"])
            images.min_patches, images.max_patches = rule["min"], rule["max"]
    return processor


class Rows:
    """Pixtral's image processor; its processor asks for torchvision."""

    def __init__(self, rule: dict) -> None:
        self.unit = rule["unit"]
        self.images = tiny.pil("PixtralImageProcessor")(size={"longest_edge": rule["longest"]}, patch_size=rule["unit"])

    def _get_num_multimodal_tokens(self, image_sizes: list[tuple[int, int]]) -> dict[str, list[int]]:
        blank = [np.zeros((h, w, 3), dtype=np.uint8) for h, w in image_sizes]
        shown = [self.images([image], return_tensors="np")["image_sizes"][0] for image in blank]
        return {"num_image_tokens": [int(h // self.unit) * int(w // self.unit) for h, w in shown]}


def glm4v(rule: dict):
    tok = tiny.tokenizer(["<|image|>", "<|video|>"], {}, False, "</s>")
    tok.image_token, tok.video_token = "<|image|>", "<|video|>"
    # Its limits are of two equal frames.
    size = {"shortest_edge": 2 * rule["minPixels"], "longest_edge": 2 * rule["maxPixels"]}
    images = tiny.pil("Glm4vImageProcessor")(size=size, patch_size=rule["factor"] // 2, merge_size=2)
    return without_video(t.Glm4vProcessor)(images, tok, None)


OTHERS = {"mistral3": Rows, "glm4v": glm4v}


def counted(processor, rule: dict, width: int, height: int) -> int | None:
    """Features of an image; None where the processor refuses its shape, or cuts it without counting that."""
    if rule["kind"] == "crops":
        return None
    if rule["kind"] == "tiles":
        return int(processor.image_processor.get_number_of_image_patches(height, width, {})[0]) * rule["tokens"]
    try:
        tokens = processor._get_num_multimodal_tokens(image_sizes=[(height, width)])["num_image_tokens"][0]
    except ValueError:
        return None
    # InternVL's has the two tokens around an image in it.
    return int(tokens) - (2 if rule["kind"] == "grid" else 0)


def written(processor, rule: dict) -> int | None:
    """Features in the ids that the processor makes of a text with a picture."""
    if isinstance(processor, Rows):
        return None
    picture = Image.fromarray(np.zeros((PICTURE[1], PICTURE[0], 3), dtype=np.uint8))
    mark = getattr(processor, "boi_token", None) or processor.image_token
    cut = {
        "do_pan_and_scan": True, "pan_and_scan_min_crop_size": rule["minCrop"],
        "pan_and_scan_max_num_crops": rule["maxCrops"], "pan_and_scan_min_ratio_to_activate": rule["minRatio"],
    } if rule["kind"] == "crops" else {}  # fmt: skip
    ids = processor(text=[f"x{mark}x"], images=[[picture]], **cut)["input_ids"][0]
    image = getattr(processor.tokenizer, "image_token", None) or processor.image_token
    return int(np.sum(np.array(ids) == processor.tokenizer.convert_tokens_to_ids(image)))


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    found = {}
    for record in records():
        if "components" not in record:
            continue
        for checkpoint in record["checkpoints"]:
            rule = checkpoint["imageTokens"]
            processor = processor_of(record["name"], rule)
            found[checkpoint["name"]] = {
                "counted": [counted(processor, rule, w, h) for w, h in SIZES],
                "written": written(processor, rule),
            }
    text = json.dumps({"sizes": SIZES, "picture": PICTURE, "checkpoints": found})
    (out / "expected.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
