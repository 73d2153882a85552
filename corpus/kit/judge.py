#!/usr/bin/env python3
"""Asks the oracle of a case. It knows nothing of safeguard.

    judge.py CASE SERVICE BASE        starts SERVICE, a folder with code, and tells whether it does what it must
    judge.py --data CASE BEFORE AFTER  tells whether production's database was damaged between the two
    judge.py --save DATABASE COPY      copies a database that is in use

Exit 0: good. Exit 1: bad. Exit 2: could not tell. One line on standard output says why.
"""

import importlib.util
import shutil
import sqlite3
import sys
import tempfile
import tomllib
import traceback
from contextlib import closing
from pathlib import Path
from types import ModuleType

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import invariants  # noqa: E402
from trial import Bad, Trial  # noqa: E402


def main(words: list[str]) -> int:
    if words[:1] == ["--save"]:
        save(Path(words[1]), Path(words[2]))
        return 0
    data = words[:1] == ["--data"]
    case, first, second = (Path(word).resolve() for word in words[1 if data else 0 :])
    try:
        if data:
            judge_data(case, first, second)
        else:
            judge_code(case, first, second)
    except Bad as bad:
        print(bad)
        return 1
    except Exception:
        traceback.print_exc()
        print("the oracle could not tell")
        return 2
    print("nothing wrong")
    return 0


def judge_code(case: Path, code: Path, base: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="oracle-"))
    trial = Trial(service_of(case), code, base, folder)
    try:
        oracle(case).check(trial)
    finally:
        trial.end()
        shutil.rmtree(folder)


def judge_data(case: Path, before: Path, after: Path) -> None:
    """The service's own invariants, and those that the case has besides."""
    of_case = oracle(case)
    invariants.check(service_of(case), before, after)
    if hasattr(of_case, "check_data"):
        of_case.check_data(before, after)


def save(database: Path, copy: Path) -> None:
    with closing(sqlite3.connect(database, timeout=30)) as old, closing(sqlite3.connect(copy)) as new:
        old.backup(new)


def service_of(case: Path) -> str:
    return tomllib.loads((case / "case.toml").read_text())["service"]


def oracle(case: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("oracle", case / "oracle.py")
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{case} has no oracle")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
