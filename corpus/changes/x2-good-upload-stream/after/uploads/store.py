import hashlib
from pathlib import Path
from typing import BinaryIO

CHUNK = 256 * 1024
LIMIT = 50 * 1024 * 1024


class TooLarge(Exception):
    pass


def save(source: BinaryIO, target: Path, limit: int = LIMIT) -> tuple[int, str]:
    """Copies source to target; the target appears only when it is complete."""
    part = target.with_suffix(".part")
    digest = hashlib.sha256()
    size = 0
    try:
        with part.open("wb") as out:
            while True:
                chunk = source.read(CHUNK)
                if not chunk:
                    break
                size += len(chunk)
                if size > limit:
                    raise TooLarge
                digest.update(chunk)
                out.write(chunk)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return size, digest.hexdigest()
