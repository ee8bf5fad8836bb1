"""The plain way to VisNec's two losses, for bench/vlm-loss.ts: `transformers`, two full-length passes, batch 8.

`data <folder> <images> <questions per image>` draws scenes and writes `data.json` (LLaVA) with PNG files.
`model <folder>` writes the micro VLM's architecture with random weights, for machines without the trained one.
`serve <model> <threads>` reads one JSON request a line and answers with seconds and losses:
`{"rows": file, "pixels": file}` times prepared inputs, `{"files": folder}` the way from files.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

BATCH = 8


def write_data(folder: Path, images: int, per_image: int) -> None:
    from PIL import Image
    from micro.questions import KINDS, questions
    from micro.world import make_scene, render, scene_rng

    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for i in range(images):
        rng = scene_rng(42, "demo", i)
        scene = make_scene(rng)
        Image.fromarray(render(scene)).save(folder / f"{i}.png")
        asked, turn = 0, i
        while asked < per_image:
            for qa in questions(scene, KINDS[turn % len(KINDS)], rng):
                turns = [{"from": "human", "value": f"<image>\n{qa.question}"}, {"from": "gpt", "value": qa.answer}]
                rows.append({"id": f"{i}-{asked}", "image": f"{i}.png", "conversations": turns})
                asked += 1
            turn += 1
    (folder / "data.json").write_text(json.dumps(rows))


def write_model(folder: Path) -> None:
    import torch
    from micro.model import build_vlm
    from micro.tokenizer import train_tokenizer, vlm_processor

    torch.manual_seed(42)
    tokenizer = train_tokenizer(42)
    build_vlm(tokenizer).half().save_pretrained(folder)
    vlm_processor(tokenizer).save_pretrained(folder)


class Peer:
    def __init__(self, folder: str, threads: int) -> None:
        import torch
        from transformers import AutoProcessor, LlavaForConditionalGeneration

        self.torch = torch
        torch.set_num_threads(threads)
        self.model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        self.processor = AutoProcessor.from_pretrained(folder)
        self.image_token = self.model.config.image_token_id

    def losses(self, ids: list[list[int]], response: list[list[int]], pixels: np.ndarray) -> list[list[float]]:
        """Mean losses with the images and with their positions masked, `batch` rows padded on the right."""
        torch = self.torch
        length = max(map(len, ids))
        padded = torch.tensor([row + [0] * (length - len(row)) for row in ids])
        mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in ids])
        trained = torch.tensor([row + [0] * (length - len(row)) for row in response])
        positions = torch.arange(length)[None].expand(len(ids), -1)
        blind = mask * (padded != self.image_token)
        out = []
        with torch.inference_mode():
            for seen, extra in ((mask, {"pixel_values": torch.from_numpy(pixels)}), (blind, {})):
                logits = self.model(
                    input_ids=padded, attention_mask=seen, position_ids=positions, use_cache=False, **extra
                ).logits
                nll = torch.nn.functional.cross_entropy(
                    logits[:, :-1].flatten(0, 1), padded[:, 1:].flatten(), reduction="none"
                ).view(len(ids), -1)
                keep = trained[:, 1:]
                out.append(((nll * keep).sum(1) / keep.sum(1)).tolist())
        return list(map(list, zip(*out, strict=True)))

    def prepared(self, rows: list[dict], pixels: np.ndarray) -> dict:
        start = time.perf_counter()
        losses = []
        for at in range(0, len(rows), BATCH):
            batch = rows[at : at + BATCH]
            images = pixels[[row["image"] for row in batch]]
            losses += self.losses([r["ids"] for r in batch], [r["response"] for r in batch], images)
        return {"seconds": time.perf_counter() - start, "losses": losses}

    def files(self, folder: Path) -> dict:
        from PIL import Image

        start = time.perf_counter()
        rows = json.loads((folder / "data.json").read_text())
        losses = []
        for at in range(0, len(rows), BATCH):
            ids, response, images = [], [], []
            for row in rows[at : at + BATCH]:
                ask, answer = (turn["value"] for turn in row["conversations"])
                user = [{"type": "image"}, {"type": "text", "text": ask.removeprefix("<image>\n")}]
                said = [{"type": "text", "text": answer}]
                messages = [{"role": "user", "content": user}, {"role": "assistant", "content": said}]
                image = Image.open(folder / row["image"]).convert("RGB")
                one = {}
                for end, part in (("whole", messages), ("prompt", messages[:1])):
                    text = self.processor.apply_chat_template(part, add_generation_prompt=end == "prompt")
                    one[end] = self.processor(images=image, text=text, return_tensors="np")
                whole = one["whole"]["input_ids"][0].tolist()
                prompt = one["prompt"]["input_ids"].shape[1]
                ids.append(whole)
                response.append([int(i >= prompt) for i in range(len(whole))])
                images.append(one["whole"]["pixel_values"][0])
            losses += self.losses(ids, response, np.stack(images))
        return {"seconds": time.perf_counter() - start, "losses": losses}


def serve(folder: str, threads: int) -> None:
    peer = Peer(folder, threads)
    rows, pixels, loaded = [], np.zeros(0), None
    versions = {"torch": peer.torch.__version__, "transformers": __import__("transformers").__version__}
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "files" in request:
            answer = peer.files(Path(request["files"]))
        else:
            if loaded != request["rows"]:
                rows = json.loads(Path(request["rows"]).read_text())
                size = peer.model.config.vision_config.image_size
                pixels = np.fromfile(request["pixels"], np.float32).reshape(-1, 3, size, size)
                loaded = request["rows"]
            answer = peer.prepared(rows, pixels)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "data":
        write_data(Path(rest[0]), int(rest[1]), int(rest[2]))
    elif what == "model":
        write_model(Path(rest[0]))
    else:
        serve(rest[0], int(rest[1]))
