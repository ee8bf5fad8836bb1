"""`python -m winnow_worker.export <hf_folder> <out_folder>`: write a model folder's ONNX graphs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m winnow_worker.export", description=__doc__)
    parser.add_argument("source", type=Path, help="folder of a transformers model (safetensors)")
    parser.add_argument("target", type=Path, help="folder to write; may be the same")
    parser.add_argument("--dtype", choices=["auto", "fp16", "fp32"], default="auto", help="how weights are stored")
    plain = parser.add_mutually_exclusive_group()
    plain.add_argument("--optimise", dest="optimise", action="store_true", default=True, help="add the loss graphs")
    plain.add_argument("--plain", dest="optimise", action="store_false", help="only what transformers.js reads")
    args = parser.parse_args()
    from transformers import AutoConfig  # takes seconds to load: --help should not

    from ..protocol import JobError
    from .text_encoders import EXPORTERS, export_encoder
    from .vlm import export_vlm

    try:
        if AutoConfig.from_pretrained(args.source, local_files_only=True).model_type in EXPORTERS:
            files = export_encoder(args.source, args.target, args.dtype)
        else:
            files = export_vlm(args.source, args.target, args.dtype, args.optimise)
    except (ValueError, OSError, JobError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for path in files:
        print(f"{path}  {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
