#!/usr/bin/env python3
"""Makes an artifact of some changes of a git repository, for `safeguard release bisect` (safeguard.rebuild/1).

usage: rebuild.py ARTIFACT [BUILD ...]

The changes are put onto the base in a work tree of their own, each as its whole difference, so that merges count too.
BUILD, where it is given, is run there; ARTIFACT, a file or a folder in it, is what comes out.
"""

import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

COMMIT = re.compile("[0-9a-f]{7,64}")


class No(Exception):
    """There is no artifact of these changes alone."""


def run(command, folder, **more):
    """Runs a program; what it prints is for people."""
    done = subprocess.run(command, cwd=folder, stdout=sys.stderr, check=False, **more)
    return done.returncode == 0


def commit(text):
    if not COMMIT.fullmatch(text):
        raise No(f"`{text}` is not a commit")
    return text


def pick(change, tree):
    base, head = commit(change["base"]), commit(change["head"])
    diff = subprocess.run(["git", "diff", "--binary", base, head], cwd=tree, stdout=subprocess.PIPE, check=False)
    if diff.returncode != 0:
        raise No(f"{base}..{head} is not in this repository")
    if diff.stdout and not run(["git", "apply", "--3way", "--index"], tree, input=diff.stdout):
        raise No(f"{change['change']} ({head[:12]}) can not be put onto what is there")


def make(question, artifact, build):
    repository = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        if not run(["git", "worktree", "add", "--detach", "--quiet", tree, commit(question["base"])], repository):
            raise No(f"{question['base']} is not in this repository")
        try:
            for change in question["changes"]:
                pick(change, tree)
            if build and not run(build, tree):
                raise No(f"`{' '.join(build)}` failed")
            made, out = tree / artifact, Path(question["out"])
            if made.is_dir():
                shutil.copytree(made, out, ignore=shutil.ignore_patterns(".git"))
            elif made.is_file():
                shutil.copy(made, out)
            else:
                raise No(f"`{artifact}` is not there after the build")
        finally:
            run(["git", "worktree", "remove", "--force", tree], repository)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    # At its deadline it is told to end, and takes its work tree away first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        make(json.load(sys.stdin), sys.argv[1], sys.argv[2:])
        print(json.dumps({"ok": True}))
    except No as why:
        print(json.dumps({"ok": False, "message": str(why)}))
        sys.exit(1)


if __name__ == "__main__":
    main()
