"""Write images of many kinds with the pixels Pillow gives, and resizes: the reference of the TypeScript decoder's test.

Run: `python decoding.py OUT`. OUT gets `images/`, raw RGB beside each (`.rgb`), `resized.bin` and `expected.json`.
"""

import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4}


def png16(path: Path, pixels: np.ndarray, colour_type: int) -> None:
    """A 16-bit PNG, which Pillow can read and not write."""
    height, width = pixels.shape[:2]
    raw = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def write_images(out: Path) -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (37, 53, 4), dtype=np.uint8)
    smooth = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((160, 120), 3)
    palette = smooth.quantize(32)
    turned = Image.Exif()
    turned[0x112] = 6
    saved = {
        "rgb.png": (Image.fromarray(noise[..., :3]), {}),
        "rgba.png": (Image.fromarray(noise), {}),
        "grey.png": (Image.fromarray(noise[..., 0]), {}),
        "grey-alpha.png": (Image.fromarray(noise[..., :2]), {}),
        "bits.png": (Image.fromarray(noise[..., 0] > 128), {}),
        "palette.png": (palette, {}),
        "palette-clear.png": (palette, {"transparency": 3}),
        "palette.gif": (palette, {}),
        "rgb.jpg": (smooth, {"quality": 90}),
        "progressive.jpg": (smooth, {"quality": 70, "progressive": True}),
        "full-chroma.jpg": (smooth, {"subsampling": 0}),
        "half-chroma.jpg": (smooth, {"subsampling": 1}),
        "grey.jpg": (smooth.convert("L"), {}),
        "cmyk.jpg": (smooth.convert("CMYK"), {"quality": 95}),
        "turned.jpg": (smooth, {"exif": turned}),
        "rgb.webp": (smooth, {"quality": 80}),
        "rgba.webp": (Image.fromarray(noise), {"lossless": True}),
        "rgb.tiff": (smooth, {}),
    }
    for name, (image, options) in saved.items():
        image.save(out / name, **options)
    png16(out / "grey16.png", random.integers(0, 65536, (20, 30)), 0)
    png16(out / "rgb16.png", random.integers(0, 65536, (20, 30, 3)), 2)
    png16(out / "rgba16.png", random.integers(0, 65536, (20, 30, 4)), 6)


def truncate(out: Path) -> list[str]:
    names = []
    for name in ("rgb.jpg", "progressive.jpg", "rgb.png", "rgb.webp", "palette.gif"):
        whole = (out / name).read_bytes()
        (out / f"cut-{name}").write_bytes(whole[: len(whole) * 6 // 10])
        names.append(f"cut-{name}")
    return names


def resizes(folder: Path) -> list[dict]:
    """Random sizes up and down, both ways and one way only, with every filter; pixels go into one file."""
    random = np.random.default_rng(1)
    cases = []
    with (folder / "resized.bin").open("wb") as file:
        for i in range(120):
            width, height, new_width, new_height = (int(n) for n in random.integers(1, 90, 4))
            if i % 10 == 0:
                new_width = width
            if i % 10 == 1:
                new_height = height
            name, number = list(FILTERS.items())[i % len(FILTERS)]
            pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
            file.write(pixels.tobytes())
            file.write(np.asarray(Image.fromarray(pixels).resize((new_width, new_height), number)).tobytes())
            cases.append({"from": [width, height], "to": [new_width, new_height], "filter": name})
    return cases


def main(out: Path) -> None:
    folder = out / "images"
    folder.mkdir(parents=True)
    write_images(folder)
    sizes = {}
    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            rgb = image.convert("RGB")
        (folder / f"{path.name}.rgb").write_bytes(np.asarray(rgb).tobytes())
        sizes[path.name] = list(rgb.size)
    expected = {"sizes": sizes, "broken": truncate(folder), "resizes": resizes(out)}
    (out / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
