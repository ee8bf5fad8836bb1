"""What stands between the data and the footer of a shard: a checksum of the file, and what its rows were measured of.
`src/store/shard-trailer.ts` reads it, and says what it is for."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

MAGIC = b"WINNOWT1"
PRINT = 16


def add_trailer(path: Path, identity: bytes, prints: bytes) -> None:
    """Put it into a Parquet file that nobody reads yet; readers of Parquet go by the offsets in the footer."""
    data = path.read_bytes()
    at = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    body, footer = data[:at], data[at:]
    lead = MAGIC + struct.pack("<I", len(prints) // PRINT) + identity.ljust(PRINT, b"\0")
    end = struct.pack("<I", len(lead) + len(prints) + 16) + MAGIC
    checksum = zlib.crc32(body)
    for part in (lead, prints, end, footer):
        checksum = zlib.crc32(part, checksum)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(lead + prints + struct.pack("<I", checksum) + end + footer)


def read_prints(path: str | None, start: int, failed: list[int]) -> tuple[bytes, bytes]:
    """Identity of the signal and a fingerprint a row, as the job gives them; zeros for rows that failed, since their
    numbers are not to be taken for those of equal rows. Nothing where the job gives none."""
    if path is None:
        return b"", b""
    data = bytearray(Path(path).read_bytes())
    for row in failed:
        place = PRINT * (row - start + 1)
        data[place : place + PRINT] = bytes(PRINT)
    return bytes(data[:PRINT]), bytes(data[PRINT:])
