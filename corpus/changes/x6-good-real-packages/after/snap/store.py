from pathlib import Path

import yaml
import zstandard
from ulid import ULID

MAX_SIZE = 20 * 1024 * 1024


class Store:
    """Snapshots as compressed YAML. The names sort in the order of their making."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def save(self, data):
        name = f"{ULID()}.yaml.zst"
        text = yaml.safe_dump(data, sort_keys=True, allow_unicode=True)
        packed = zstandard.ZstdCompressor(level=9).compress(text.encode())
        part = self.folder / f".{name}.part"
        part.write_bytes(packed)
        part.rename(self.folder / name)
        return name

    def names(self):
        return sorted(p.name for p in self.folder.glob("*.yaml.zst"))

    def load(self, name):
        if name not in self.names():
            raise KeyError(name)
        packed = (self.folder / name).read_bytes()
        return yaml.safe_load(zstandard.ZstdDecompressor().decompress(packed, max_output_size=MAX_SIZE))
