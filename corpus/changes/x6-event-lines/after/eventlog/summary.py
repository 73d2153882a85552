import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Summary:
    events: int = 0
    first: str | None = None
    last: str | None = None
    kinds: Counter = field(default_factory=Counter)


def summarise(path: Path) -> Summary:
    result = Summary()
    with path.open(encoding="utf-8") as f:
        for event in json.load_lines(f):
            result.events += 1
            result.kinds[event["kind"]] += 1
            at = event["at"]
            if result.first is None or at < result.first:
                result.first = at
            if result.last is None or at > result.last:
                result.last = at
    return result
