"""A server with vLLM's interface over `transformers`: a family's own processor and one plain forward pass a prompt.

`python serve.py FAMILY FOLDER` writes a tiny model of the family and prints the port. For tests of losses over HTTP.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

import tiny
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText

from winnow_worker.families.processor import load_processor


class Served:
    """The model, and how vLLM writes a conversation for it."""

    def __init__(self, folder: Path) -> None:
        self.processor = load_processor(folder)
        self.model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
        self.lock = Lock()

    def conversation(self, request: dict) -> tuple[str, list[Image.Image]]:
        images: list[Image.Image] = []
        messages = []
        for message in request["messages"]:
            content = message["content"]
            parts = []
            for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
                if part["type"] == "image_url":
                    data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
                    images.append(Image.open(io.BytesIO(data)).convert("RGB"))
                parts.append(part if part["type"] == "text" else {"type": "image"})
            messages.append({"role": message["role"], "content": parts})
        prompt = request.get("add_generation_prompt", True)
        text = self.processor.apply_chat_template(messages, add_generation_prompt=prompt, tokenize=False)
        return text, images

    def tokenize(self, request: dict) -> dict:
        tokenizer = self.processor.tokenizer
        text, _ = self.conversation(request)
        ids = tokenizer(text, add_special_tokens=request.get("add_special_tokens", False))["input_ids"]
        strings = tokenizer.convert_ids_to_tokens(ids)
        return {"count": len(ids), "max_model_len": 1024, "tokens": ids, "token_strs": strings}

    def complete(self, request: dict) -> dict:
        text, images = self.conversation(request)
        special = request.get("add_special_tokens", False)
        inputs = self.processor(text=[text], images=images or None, return_tensors="pt", add_special_tokens=special)
        with torch.no_grad(), self.lock:
            logits = self.model(**inputs).logits[0].double()
        ids = inputs["input_ids"][0].tolist()
        rows = logits.log_softmax(-1)
        named = [self.entries(rows[t - 1], ids[t], request["prompt_logprobs"]) for t in range(1, len(ids))]
        return {"prompt_logprobs": [None, *named], "prompt_token_ids": ids if request.get("return_token_ids") else None}

    def entries(self, row: torch.Tensor, own: int, top: int) -> dict[str, dict]:
        """The prompt's own token, wherever it ranks, and the `top` most likely ones."""
        chosen = {*row.topk(top).indices.tolist(), own}
        return {
            str(token): {
                "logprob": float(row[token]),
                "rank": int((row > row[token]).sum()) + 1,
                "decoded_token": self.processor.tokenizer.decode([token]),
            }
            for token in chosen
        }


def handler(served: Served, folder: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, {"data": [{"id": "tiny", "owned_by": "vllm", "root": str(folder)}]})

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            try:
                self.answer(200, served.tokenize(request) if self.path == "/tokenize" else served.complete(request))
            except Exception as error:
                self.answer(400, {"error": {"message": repr(error)}})

        def answer(self, status: int, body: dict) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def main() -> None:
    torch.set_num_threads(1)
    folder = tiny.make(sys.argv[1], Path(sys.argv[2]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(Served(folder), folder))
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
