#!/usr/bin/env python3
"""What a team's pipeline does with every change, with public tools. It knows neither the cases nor their oracles.

    pipeline.py code SERVICE REPORTS                 dependencies, ruff, bandit, tests with coverage
    pipeline.py data SERVICE BASE DATABASE REPORTS   rehearses new migrations on grown data, and counts what is wrong in DATABASE,
                                                     on which the service has worked

Reports are written as their tools write them. Exit 3: a step could not be taken; the pipeline stops there, as pipelines do.
Any other exit is a fault of the pipeline itself, from which nothing follows.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
from contextlib import closing
from pathlib import Path

sys.dont_write_bytecode = True
KIT = Path(__file__).resolve().parent
sys.path.insert(0, str(KIT))

from trial import DidNotStart, Trial  # noqa: E402

STEP_SECONDS_MAX = 300
TOOL = {"name": "data-checks", "version": "1"}


class Stopped(Exception):
    """A step that the rest stands on has failed."""


def main(words: list[str]) -> int:
    paths = [Path(word).resolve() for word in words[1:]]
    try:
        match words[:1], paths:
            case ["code"], [service, reports]:
                code(service, reports)
            case ["data"], [service, base, database, reports]:
                data(service, base, database, reports)
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except Stopped as stopped:
        print(stopped)
        return 3
    return 0


def code(service: Path, reports: Path) -> None:
    reports.mkdir(parents=True, exist_ok=True)
    requirements = service / "requirements.txt"
    if requirements.exists():
        # Nothing is installed or run: a name that does not exist today may be somebody's tomorrow.
        tool(
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--dest",
            tempfile.mkdtemp(),
            "-r",
            requirements,
        )
    # Findings are no failure here: the report has them.
    tool(
        "ruff",
        "check",
        "--no-cache",
        "--exit-zero",
        "--output-format",
        "sarif",
        "-o",
        reports / "ruff.sarif",
        ".",
        cwd=service,
    )
    bandit = reports / "bandit.sarif"
    tool("bandit", "--quiet", "--exit-zero", "-r", package(service), "-f", "sarif", "-o", bandit, cwd=service)
    for layer in ("logic", "integration"):
        tests(service, reports, layer)
    tool("coverage", "lcov", "-q", "-o", reports / "coverage.lcov", cwd=service, env=coverage_file(reports))


def tests(service: Path, reports: Path, layer: str) -> None:
    """A failed test is no failure of the pipeline: the report has it."""
    command = ["coverage", "run", "--append", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "layers"]
    command += ["--layer", layer, f"--junitxml={reports / layer}.xml"]
    tool(*command, cwd=service, env=coverage_file(reports) | {"PYTHONPATH": str(KIT)}, fine=(0, 1))


def coverage_file(reports: Path) -> dict[str, str]:
    return {"COVERAGE_FILE": str(reports / ".coverage")}


def package(service: Path) -> str:
    return tomllib.loads((service / "pyproject.toml").read_text())["project"]["name"]


def tool(
    name: str, *words: object, cwd: Path | None = None, env: dict[str, str] | None = None, fine: tuple[int, ...] = (0,)
) -> None:
    """Runs a tool of this environment."""
    command = [str(Path(sys.executable).parent / name), *map(str, words)]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | (env or {})
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=STEP_SECONDS_MAX
        )
    except subprocess.TimeoutExpired:
        raise Stopped(f"{name} did not end within {STEP_SECONDS_MAX} s") from None
    if done.returncode not in fine:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Stopped(f"{name} ended with {done.returncode}: {said[-1] if said else ''}")


def data(service: Path, base: Path, database: Path, reports: Path) -> None:
    reports.mkdir(parents=True, exist_ok=True)
    facts = {"kind": "invariants", "checks": checks(service, database), "migrations": rehearsals(service, base)}
    report = {"api": "safeguard.evidence/1", "tool": TOOL, "facts": facts}
    (reports / "data.json").write_text(json.dumps(report, indent=1))


def checks(service: Path, database: Path) -> list[dict[str, object]]:
    """A check that can not be counted has looked at nothing, and so shows nothing."""
    counted = []
    with closing(sqlite3.connect(database, timeout=30)) as db:
        for check in tomllib.loads((service / "checks.toml").read_text())["checks"]:
            try:
                looked_at = db.execute(f"SELECT COUNT(*) FROM {check['table']}").fetchone()[0]
                violations = db.execute(check["violations"]).fetchone()[0]
            except sqlite3.Error:
                looked_at, violations = 0, 0
            counted.append({"name": check["name"], "checked": looked_at, "violations": violations})
    return counted


def rehearsals(service: Path, base: Path) -> list[dict[str, object]]:
    """All new migrations at once, on data as grown as production's."""
    known = {file.name for file in (base / "migrations").glob("*.sql")}
    new = sorted(file.name for file in (service / "migrations").glob("*.sql") if file.name not in known)
    if not new:
        return []
    folder = Path(tempfile.mkdtemp(prefix="rehearsal-"))
    trial = Trial(package(service), service, base, folder)
    try:
        trial.seed("production")
        saved = folder / "saved.db"
        copy(trial.database, saved)
        before, was = rows(saved), contents(saved)
        try:
            trial.start().stop()
        except DidNotStart as error:
            raise Stopped(f"the migration can not be applied: {str(error).strip().splitlines()[-1]}") from None
        after = rows(trial.database)
        lost = sum(max(0, count - after.get(table, 0)) for table, count in before.items())
        # The way back is to restore what was saved; the version before has to start on it and find everything as it was.
        copy(saved, trial.database)
        try:
            trial.start(base).stop()
            taken_back = contents(trial.database) == was
        except DidNotStart:
            taken_back = False
    finally:
        trial.end()
        shutil.rmtree(folder)
    total = sum(before.values())
    return [
        {
            "name": name,
            "rows_before": total,
            "rows_after": total - lost,
            "rows_removed_intended": 0,
            "reversed": taken_back,
        }
        for name in new
    ]


def copy(source: Path, target: Path) -> None:
    for leftover in (target, Path(f"{target}-wal"), Path(f"{target}-shm")):
        leftover.unlink(missing_ok=True)
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def tables(db: sqlite3.Connection) -> list[str]:
    return [
        name
        for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    ]


def rows(database: Path) -> dict[str, int]:
    with closing(sqlite3.connect(database)) as db:
        return {table: db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables(db)}


def contents(database: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(database)) as db:
        return {table: sorted(db.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables(db)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
