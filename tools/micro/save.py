"""Model folders as transformers (4.57 and later) and transformers.js read them."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path

from safetensors.torch import load_file, save_file
from transformers import CLIPProcessor

from .model import IMAGE_TOKENS
from .tokenizer import image_processor, vlm_processor


def save_vlm(model, tokenizer, out: Path) -> None:
    """Write the micro VLM's folder, weights in fp16."""
    out.mkdir(parents=True, exist_ok=True)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.bos_token_id = tokenizer.bos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    copy.deepcopy(model).half().save_pretrained(out)
    _hub_names(out / "model.safetensors")
    vlm_processor(tokenizer).save_pretrained(out)
    _portable(out)


def save_clip(model, tokenizer, out: Path) -> None:
    """Write the micro CLIP's folder, weights in fp16."""
    out.mkdir(parents=True, exist_ok=True)
    copy.deepcopy(model).half().save_pretrained(out)
    CLIPProcessor(image_processor=image_processor(), tokenizer=tokenizer).save_pretrained(out)
    _portable(out)


def _hub_names(path: Path) -> None:
    """The tower's tensors under the names that LLaVA's published checkpoints use (transformers 4 and 5 read them)."""
    old, new = "vision_tower.", "vision_tower.vision_model."
    tensors = {k.replace(old, new) if not k.startswith(new) else k: v for k, v in load_file(path).items()}
    save_file(tensors, path, metadata={"format": "pt"})


def _portable(out: Path) -> None:
    """Names that older transformers and transformers.js know."""
    path = out / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    extra = config.pop("extra_special_tokens", None) or config.pop("additional_special_tokens", None)
    config.pop("backend", None)
    config.pop("is_local", None)
    if extra:
        config["additional_special_tokens"] = list(extra)
    template = out / "chat_template.jinja"
    if template.exists():
        config["chat_template"] = template.read_text()
    path.write_text(json.dumps(config, indent=2) + "\n")
    pictures = out / "preprocessor_config.json"
    if not pictures.exists():
        nested = json.loads((out / "processor_config.json").read_text())
        pictures.write_text(json.dumps(nested["image_processor"], indent=2, sort_keys=True) + "\n")
    shown = json.loads(pictures.read_text())
    shown.pop("crop_size", None)
    pictures.write_text(json.dumps(shown, indent=2, sort_keys=True) + "\n")
    config_path = out / "config.json"
    model = json.loads(config_path.read_text())
    model["torch_dtype"] = "float16"
    if model["model_type"] == "llava":
        model["image_seq_length"] = IMAGE_TOKENS
    config_path.write_text(json.dumps(model, indent=2) + "\n")


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
