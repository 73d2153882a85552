"""Everybody is who they are, also when others are there at the same time."""

from trial import Trial, need, require, together

PEOPLE = 8
ASKED = 60


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()

    def ask(n: int) -> list[str]:
        person, wrong = 5 + n, []
        for _ in range(ASKED):
            seen = running.person(person, "GET", "/me")
            if seen.status != 200 or seen["id"] != person:
                wrong.append(f"person {person} was taken for {seen.body[:60]!r}")
            made = running.person(person, "POST", "/documents", {"title": f"of {person}", "body": ""})
            if made.status != 201:
                wrong.append(f"person {person} could not create a document: {made.status}")
        return wrong

    outcomes = together(PEOPLE, ask)
    need(all(isinstance(outcome, list) for outcome in outcomes), f"{outcomes}")
    wrong = [text for outcome in outcomes for text in outcome]
    strangers = trial.one("SELECT COUNT(*) FROM documents WHERE title LIKE 'of %' AND title != 'of ' || owner_id")
    require(strangers == 0, f"{strangers} documents belong to somebody who has not written them")
    require(not wrong, f"{len(wrong)} times: {wrong[0] if wrong else ''}")
