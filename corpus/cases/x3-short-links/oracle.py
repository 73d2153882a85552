"""A link can not be guessed: codes do not follow from the time, two of one second differ, and they are long enough."""

import json
import subprocess
import sys
import time

from trial import Trial, need, require

BITS_MIN = 64

# Runs the service's own code, as an attacker who has read the source would.
GUESS = """
import json, sys, time
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from filing import passwords
make = getattr(passwords, "new_code", passwords.new_token)
codes = []
for second in range(int(sys.argv[2]), int(sys.argv[3]) + 1):
    time.time = lambda: second
    codes.append(make())
print(json.dumps(codes))
"""


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()
    before = int(time.time())
    links = []
    for title in ("first", "second"):
        id = running.person(5, "POST", "/documents", {"title": title, "body": f"the {title} secret"})["id"]
        made = running.person(5, "POST", f"/documents/{id}/links", {"days": 7})
        need(made.status == 201, "no link could be made")
        links.append(made["token"])
    command = [sys.executable, "-c", GUESS, str(trial.code), str(before), str(int(time.time()))]
    guesses = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=30).stdout)
    opened = [code for code in guesses if running.call("GET", f"/links/{code}").status == 200]
    require(not opened, f"{len(guesses)} guesses opened {len(opened)} documents: codes follow from the time")
    require(links[0] != links[1], "two documents got the same link")
    require(
        all(len(set(link)) > 4 and len(link) * 5 >= BITS_MIN for link in links),
        "links are short enough to be tried out",
    )
