"""The bodies of an archive: each under the hash of its bytes, compressed, stored once.

Belongs here: naming, storing and reading back bodies.
Not here: how a body was got (ledger.py) and what it means (screening.py, feeds).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import zstandard

from pipelines.transport.durable import ArchiveDamaged, write_whole

ZSTD_LEVEL = 1
"""1 212 MB per CPU second at ratio 7.15 on log JSON; level 3: 595 at 6.87 (128 MB, two cores)."""

ADVICE = "Put the file back from a copy of the archive, or fetch again."


class Bodies:
    """The files `ab/<sha256>.zst` of one folder."""

    def __init__(self, folder: Path, *, survives_power_cut: bool = True) -> None:
        self._folder = folder
        self._survives_power_cut = survives_power_cut

    def store(self, body: bytes) -> str:
        """The name of the body, which is on disk when this returns."""
        sha256 = hashlib.sha256(body).hexdigest()
        if not self.has(sha256):
            packed = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(body)
            write_whole(self.file(sha256), packed, survives_power_cut=self._survives_power_cut)
        return sha256

    def read(self, sha256: str) -> bytes:
        """The body of that name, hashed again. Raises `ArchiveError` where it is missing or another."""
        file = self.file(sha256)
        try:
            frame = zstandard.ZstdDecompressor().decompressobj()
            body = frame.decompress(file.read_bytes())
        except FileNotFoundError as error:
            raise ArchiveDamaged(f"{file} is missing. {ADVICE}") from error
        except zstandard.ZstdError as error:
            raise ArchiveDamaged(f"{file} cannot be unpacked ({error}). {ADVICE}") from error
        if not frame.eof or frame.unused_data or hashlib.sha256(body).hexdigest() != sha256:
            raise ArchiveDamaged(f"{file} holds other bytes than its name says. {ADVICE}")
        return body

    def has(self, sha256: str) -> bool:
        return self.file(sha256).exists()

    def file(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / f"{sha256}.zst"

    def files(self) -> list[Path]:
        """The files of all bodies. What a killed writer left unfinished is not among them."""
        return sorted(self._folder.glob("*/*.zst"))
