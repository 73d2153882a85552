"""Links of people who are there go on working; with the change those of leavers do not."""

from trial import Trial, need, require


def check(trial: Trial) -> None:
    trial.seed("production")
    running = trial.start()
    links = {}
    for person in (5, 6, 7):
        id = running.person(person, "POST", "/documents", {"title": f"of {person}", "body": "b"})["id"]
        made = running.person(person, "POST", f"/documents/{id}/links", {"days": 30})
        need(made.status == 201, f"a link could not be made: {made.status}")
        links[person] = made["token"]
    require(all(running.call("GET", f"/links/{link}").status == 200 for link in links.values()), "a link does not open")
    need(running.person(1, "POST", "/accounts/5/disable").status == 200, "nobody could be disabled")
    opened = {person: running.call("GET", f"/links/{link}").status for person, link in links.items()}
    require(opened[6] == opened[7] == 200, f"links of others closed too: {opened}")
    require(not trial.changed or opened[5] == 404, "the leaver's link opens still")
    require(running.person(6, "GET", "/documents").status == 200, "others are signed out")
