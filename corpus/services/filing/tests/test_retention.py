import os
import time
from dataclasses import replace

from filing.retention import Keeper

DAY = 86_400


def attach(client, id, content=b"letter", name="letter.txt", who="ada"):
    return client.call("POST", f"/documents/{id}/attachments?name={name}", content, who)


def test_attachments_are_for_those_who_may_read_the_document(client):
    id = client.document()
    status, added = attach(client, id)
    assert status == 201
    assert client.get(f"/attachments/{added['id']}", "ada") == (200, b"letter")
    assert client.get(f"/attachments/{added['id']}", "bob")[0] == 404
    assert client.get("/attachments/99", "ada")[0] == 404
    assert attach(client, id, who="bob")[0] == 404
    assert attach(client, id, name="..%2Fpasswd")[0] == 400
    assert attach(client, id, content=b"")[0] == 400
    assert [row["name"] for row in client.get(f"/documents/{id}/attachments", "ada")[1]["attachments"]] == [
        "letter.txt"
    ]


def test_equal_bytes_are_stored_once_and_go_with_the_last(client, database, settings):
    first, second = client.document(), client.document()
    added = [attach(client, id)[1]["id"] for id in (first, second)]
    files = list(settings.attachments.iterdir())
    assert len(files) == 1
    os.utime(files[0], (0, 0))
    keeper = Keeper(database, settings)
    assert client.call("DELETE", f"/attachments/{added[0]}", who="bob")[0] == 404
    assert client.call("DELETE", f"/attachments/{added[0]}", who="ada")[0] == 200
    keeper.turn(int(time.time()))
    assert client.get(f"/attachments/{added[1]}", "ada")[0] == 200
    assert client.call("DELETE", f"/attachments/{added[1]}", who="ada")[0] == 200
    keeper.turn(int(time.time()))
    assert list(settings.attachments.iterdir()) == []


def test_the_trash_is_purged_after_its_days_and_leaves_its_audit_records(client, database, settings):
    gone, held = client.document(), client.document()
    attach(client, gone)
    for id in (gone, held):
        client.post(f"/documents/{id}/trash", who="ada")
    with database.writing() as db:
        db.execute("UPDATE documents SET legal_hold = 1 WHERE id = ?", (held,))
    keeper = Keeper(database, settings)
    keeper.turn(int(time.time()) + 29 * DAY)
    assert client.post(f"/documents/{gone}/restore", who="ada")[0] in (200, 401)
    with database.writing() as db:
        db.execute("UPDATE documents SET trashed_at = ?", (int(time.time()),))
    keeper.turn(int(time.time()) + 31 * DAY)
    with database.reading() as db:
        assert [row["id"] for row in db.execute("SELECT id FROM documents")] == [held]
        assert [row["document_id"] for row in db.execute("SELECT document_id FROM revisions")] == [held]
        actions = [row["action"] for row in db.execute("SELECT action FROM audit_records WHERE subject = 'document:1'")]
    assert actions[0] == "created" and actions[-1] == "purged"


def test_sessions_and_links_that_are_over_go(client, database, settings):
    id = client.document()
    client.post(f"/documents/{id}/links", {"days": 1}, "ada")
    Keeper(database, settings).turn(int(time.time()) + 3 * DAY)
    with database.reading() as db:
        assert db.execute("SELECT COUNT(*) FROM sessions").fetchone()[0] == 0
        assert db.execute("SELECT COUNT(*) FROM links").fetchone()[0] == 0


def test_the_keeper_ends_when_it_is_told_to(database, settings):
    keeper = Keeper(database, replace(settings, retention_interval_seconds=0.01))
    keeper.start()
    keeper.stop()


def test_health_and_unknown_paths(client):
    assert client.get("/healthz") == (200, {"status": "ok"})
    assert client.get("/nothing", "ada")[0] == 404
