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


def png16(path: Path, pixels: np.ndarray, colour_type: int, clear: bytes = b"") -> None:
    """A 16-bit PNG, which Pillow can read and not write; `clear`: the colour that is see-through."""
    height, width = pixels.shape[:2]
    raw = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    body = (
        chunk(b"IHDR", header)
        + (chunk(b"tRNS", clear) if clear else b"")
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def gif_of_a_part(path: Path, part: Image.Image, clear: int | None) -> None:
    """A GIF whose first frame is smaller than its screen; `clear`: the number of the colour that is see-through."""
    part.save(path)
    saved = path.read_bytes()
    palette = 3 * 2 ** ((saved[10] & 7) + 1)
    frame = saved.index(b"\x2c", 13 + palette)
    mark = b"" if clear is None else bytes([0x21, 0xF9, 4, 1, 0, 0, clear, 0])
    screen = struct.pack("<HH", part.width + 9, part.height + 5)
    place = struct.pack("<HHHH", 4, 3, part.width, part.height)
    path.write_bytes(b"GIF89a" + screen + saved[10 : 13 + palette] + mark + b"\x2c" + place + saved[frame + 9 :])


def bitmap(path: Path, bits: int, body: bytes, compression: int = 0, colours: int = 0, masks: bytes = b"",
           height: int = 5, old: bool = False) -> None:  # fmt: skip
    """A bitmap of 13 x 5, of a kind that Pillow reads and doesn't write."""
    palette = bytes((37 * i + 11) % 256 for i in range(colours * (3 if old else 4)))
    header = struct.pack("<IiiHHIIiiII", 40, 13, height, 1, bits, compression, len(body), 0, 0, colours, 0)
    if old:
        header = struct.pack("<IHHHH", 12, 13, height, 1, bits)
    start = 14 + len(header) + len(masks) + len(palette)
    path.write_bytes(b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + header + masks + palette + body)


def write_bitmaps(out: Path) -> None:
    random = np.random.default_rng(2)
    for bits, stride in ((1, 4), (4, 8), (8, 16), (16, 28), (24, 40), (32, 52)):
        bitmap(out / f"bits{bits}.bmp", bits, random.bytes(5 * stride), colours=2**bits if bits <= 8 else 0)
    bitmap(out / "top-down.bmp", 24, random.bytes(200), height=-5)
    bitmap(out / "os2.bmp", 8, random.bytes(80), colours=256, old=True)
    bitmap(out / "few.bmp", 4, random.bytes(40), colours=9)
    for name, bits, masks in (("565", 16, (0xF800, 0x7E0, 0x1F)), ("8888", 32, (0xFF0000, 0xFF00, 0xFF))):
        bitmap(
            out / f"{name}.bmp",
            bits,
            random.bytes(5 * (28 if bits == 16 else 52)),
            3,
            masks=struct.pack("<III", *masks),
        )
    runs = b"".join(bytes([5, y, 0, 4, 10, 20, 30, y, 4, 99, 0, 0]) for y in range(5))
    bitmap(out / "runs8.bmp", 8, runs + b"\0\1", 1, 256)
    runs = b"".join(bytes([5, 0x12, 0, 5, 0x34, 0x56, 0x70, y, 3, 0x9A, 0, 0]) for y in range(5))
    bitmap(out / "runs4.bmp", 4, runs + b"\0\1", 2, 16)


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
        "palette-clear-bytes.png": (palette, {"transparency": bytes(range(0, 256, 8))}),
        "grey-clear.png": (smooth.convert("L"), {"transparency": 100}),
        "rgb-clear.png": (smooth, {"transparency": smooth.getpixel((5, 5))}),
        "palette.gif": (palette, {}),
        "palette-clear.gif": (palette, {"transparency": 3}),
        "interlaced-clear.gif": (palette, {"transparency": 2, "interlace": 1}),
        "grey-clear.gif": (smooth.convert("L"), {"transparency": 100}),
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
    gif_of_a_part(out / "part.gif", palette, None)
    gif_of_a_part(out / "part-clear.gif", palette, 5)
    write_bitmaps(out)
    png16(out / "grey16.png", random.integers(0, 65536, (20, 30)), 0)
    png16(out / "grey16-clear.png", random.integers(0, 400, (20, 30)), 0, struct.pack(">H", 77))
    png16(out / "grey-alpha16.png", random.integers(0, 65536, (20, 30, 2)), 4)
    png16(out / "rgb16.png", random.integers(0, 65536, (20, 30, 3)), 2)
    png16(out / "rgba16.png", random.integers(0, 65536, (20, 30, 4)), 6)


def truncate(out: Path) -> list[str]:
    names = []
    for name in ("rgb.jpg", "progressive.jpg", "rgb.png", "rgb.webp", "palette.gif", "bits24.bmp", "bits8.bmp"):
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
