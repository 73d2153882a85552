import json
import time
from pathlib import Path


class Store:
    def __init__(self, folder):
        self.folder = Path(folder)

    def save(self, data):
        name = f"{time.time_ns()}.json"
        (self.folder / name).write_text(json.dumps(data))
        return name
