#!/usr/bin/env python3
"""Runs versions as transient systemd services: a target of safeguard, `safeguard.exec/1`.

    target = { exec = ["/opt/safeguard/systemd/target.py", "--user"] }

`--user` uses the manager of the user that safeguard runs as, and wants `inherit = ["XDG_RUNTIME_DIR"]`; without it the
system's manager is used, for which safeguard must run as root.

Each instance is one unit, named after it. systemd keeps everything that must be known again: the port in the unit's
environment, the idempotency key in its description. So each call looks at what is, and does only what is missing.
"""

import json
import socket
import subprocess
import sys

API = "safeguard.exec/1"
MANAGER = ["--user"] if "--user" in sys.argv[1:] else []


class Refused(Exception):
    """Why it is not so, for people."""


def run(*words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise Refused(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def unit_name(question):
    return f"safeguard-{question['instance']}.service"


def look(unit):
    """What systemd knows of the unit; one that does not exist is `inactive`."""
    properties = "ActiveState,SubState,Result,ExecMainStatus,Description,Environment"
    lines = run("systemctl", *MANAGER, "show", "--property", properties, unit).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def runs(found):
    return found.get("ActiveState") in ("active", "activating", "reloading")


def endpoint(found):
    for word in found.get("Environment", "").split():
        name, _, value = word.partition("=")
        if name == "PORT":
            return f"127.0.0.1:{value}"
    raise Refused("the unit has no PORT")


def description(question):
    return f"safeguard {question['service']} {question['release']} {question['idempotency_key']}"


def free_port():
    # Another program may take it before the service does; then it is not healthy, and is deployed again.
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def remove(unit):
    if run("systemctl", *MANAGER, "show", "--property", "LoadState", unit).strip() == "LoadState=not-found":
        return
    # It waits until nothing of the unit's control group is left.
    run("systemctl", *MANAGER, "stop", unit)
    # A unit that failed stays loaded under its name until it is forgotten.
    subprocess.run(["systemctl", *MANAGER, "reset-failed", unit], capture_output=True)


def start(question, unit):
    limits = question["limits"]
    program, *arguments = question["command"]
    if not program.startswith("/"):
        program = f"{question['artifact']}/{program}"
    grace_s = max(1, question["stop_grace_ms"] // 1000)
    settings = {
        "Description": description(question),
        "WorkingDirectory": question["artifact"],
        "MemoryMax": limits["memory_bytes_max"],
        "CPUQuota": f"{limits['cpu_percent_max']}%",
        "LimitNOFILE": limits["open_files_max"],
        "TimeoutStopSec": grace_s,
        "KillMode": "control-group",
        # safeguard starts it again, and counts it.
        "Restart": "no",
    }
    variables = {
        **question["variables"],
        "HOST": "127.0.0.1",
        "PORT": free_port(),
        "SAFEGUARD_ENVIRONMENT": question["environment"],
        "SAFEGUARD_RELEASE": question["release"],
    }
    run(
        "systemd-run",
        *MANAGER,
        f"--unit={unit}",
        *(f"--property={name}={value}" for name, value in settings.items()),
        *(f"--setenv={name}={value}" for name, value in variables.items()),
        "--",
        program,
        *arguments,
    )


def deploy(question, unit):
    found = look(unit)
    if not (runs(found) and found.get("Description") == description(question)):
        remove(unit)
        start(question, unit)
        found = look(unit)
    return {"ok": True, "endpoints": [endpoint(found)], "handle": unit}


def status(question, unit):
    found = look(unit)
    if not runs(found):
        result, code = found.get("Result", "?"), found.get("ExecMainStatus", "?")
        raise Refused(f"{unit} is {found.get('ActiveState')}: {result}, exit {code}")
    if found.get("Description") != description(question):
        raise Refused(f"{unit} is something else: {found.get('Description')}")
    return {"ok": True, "endpoints": [endpoint(found)], "handle": unit}


def stop(_question, unit):
    remove(unit)
    return {"ok": True}


def main():
    question = json.load(sys.stdin)
    if question["api"] != API:
        raise Refused(f"{question['api']} is not {API}")
    ops = {"deploy": deploy, "status": status, "stop": stop}
    return ops[question["op"]](question, unit_name(question))


if __name__ == "__main__":
    try:
        said = main()
    except Refused as why:
        said = {"ok": False, "message": str(why)}
    json.dump(said, sys.stdout)
