#!/usr/bin/env python3
"""Runs versions as projects of docker compose: a target of safeguard, `safeguard.exec/1`.

    target = { exec = ["/opt/safeguard/docker-compose/target.py"] }

Each instance is one project, named after it, made from the `compose.yaml` beside this program. Docker keeps everything
that must be known again: the port, and the idempotency key as a label. `docker compose up` does only what is missing.
"""

import json
import os
import pathlib
import subprocess
import sys

API = "safeguard.exec/1"
FILE = pathlib.Path(__file__).resolve().parent / "compose.yaml"
PORT = "8080"


class Refused(Exception):
    """Why it is not so, for people."""


def compose(question, *words):
    limits = question["limits"]
    environment = {
        **os.environ,
        "SG_ARTIFACT": question["artifact"],
        "SG_ENVIRONMENT": question["environment"],
        "SG_RELEASE": question["release"],
        "SG_KEY": question["idempotency_key"],
        "SG_MEMORY": str(limits["memory_bytes_max"]),
        "SG_CPUS": str(limits["cpu_percent_max"] / 100),
        "SG_FILES": str(limits["open_files_max"]),
        "SG_GRACE": f"{max(1, question['stop_grace_ms'] // 1000)}s",
        # The compose file can not take a list from a variable; the shell in the container splits it again.
        "SG_COMMAND": " ".join(quoted(word) for word in command(question)),
        **{f"SG_VAR_{name}": value for name, value in question["variables"].items()},
    }
    done = subprocess.run(
        ["docker", "compose", "--project-name", f"sg-{question['instance']}".lower(), "--file", str(FILE), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment,
    )
    if done.returncode != 0:
        raise Refused(f"docker compose {words[0]} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def command(question):
    program, *arguments = question["command"]
    return [program if program.startswith("/") else f"/app/{program}", *arguments]


def quoted(word):
    return "'" + word.replace("'", "'\\''") + "'"


def found(question):
    """The one container of the project, or none. Compose prints one object for each line, older ones one list."""
    text = compose(question, "ps", "--all", "--format", "json").strip()
    containers = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    return containers[0] if containers else None


def running(question):
    container = found(question)
    if container is None:
        raise Refused("there is no container")
    if container["State"] != "running":
        raise Refused(f"the container is {container['State']}, exit {container.get('ExitCode')}")
    if f"safeguard.key={question['idempotency_key']}" not in container.get("Labels", ""):
        raise Refused("the container is of something else")
    return {
        "ok": True,
        "endpoints": [compose(question, "port", "app", PORT).strip()],
        "handle": container["ID"],
    }


def deploy(question):
    # A container that has ended is started again by `up`; one of another key is made anew.
    compose(question, "up", "--detach", "--quiet-pull")
    return running(question)


def stop(question):
    compose(question, "down", "--remove-orphans")
    return {"ok": True}


def main():
    question = json.load(sys.stdin)
    if question["api"] != API:
        raise Refused(f"{question['api']} is not {API}")
    return {"deploy": deploy, "status": running, "stop": stop}[question["op"]](question)


if __name__ == "__main__":
    try:
        said = main()
    except Refused as why:
        said = {"ok": False, "message": str(why)}
    json.dump(said, sys.stdout)
