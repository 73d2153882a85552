"""Writes this project's rules for Python as Semgrep reads them: sets of sources are written out, and what only safeguard knows is left away.

usage: semgrep_rules.py FOLDER_OF_RULES FILE; prints how many rules the file has.
"""

import pathlib
import sys

from ruamel.yaml import YAML

rules_folder, file = pathlib.Path(sys.argv[1]), sys.argv[2]
yaml = YAML(typ="safe")
outside = yaml.load((rules_folder / "sources/outside.python.yaml").read_text())
written = []
for path in sorted(rules_folder.rglob("*.yaml")):
    document = yaml.load(path.read_text())
    if path.parent.name == "sources":
        continue
    for rule in document["rules"]:
        own = rule.pop("x-safeguard", {})
        if "python" not in rule["languages"]:
            continue
        rule["languages"] = ["python"]
        if "outside" in own.get("sources", []):
            rule["pattern-sources"] = rule.get("pattern-sources", []) + outside
        if rule.get("mode") != "taint" or rule.get("pattern-sources"):
            written.append(rule)
with open(file, "w", encoding="utf-8") as out:
    YAML().dump({"rules": written}, out)
print(len(written))
