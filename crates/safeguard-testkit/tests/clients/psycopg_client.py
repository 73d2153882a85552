"""psycopg 3: parameters on the server, prepared statements, pipelines, COPY, server-side cursors, binary results."""

import os

import psycopg


def refused(run, code):
    try:
        run()
    except psycopg.Error as error:
        assert error.sqlstate == code, error
        assert error.diag.message_hint, error
    else:
        raise AssertionError("it ran")


with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
    assert db.execute("SELECT name FROM articles WHERE id = %s", [7]).fetchone() == ("article 7",)
    for at in range(1, 9):
        row = db.execute("SELECT name FROM articles WHERE id = %s", [at], prepare=True, binary=True).fetchone()
        assert row == (f"article {at}",), row

    db.execute("INSERT INTO notes (text) VALUES (%s), (%s)", ["one", "two"])
    with db.transaction():
        db.execute("UPDATE notes SET text = 'uno' WHERE text = %s", ["one"])
        with db.transaction():
            db.execute("INSERT INTO notes (text) VALUES ('three')")
    cursor = db.cursor()
    cursor.executemany("INSERT INTO notes (text) VALUES (%s)", [("four",), ("five",)])

    refused(lambda: db.execute("DELETE FROM articles WHERE id = %s", [1]), "42501")
    refused(lambda: db.execute("SELECT 1; DROP TABLE articles"), "42501")
    refused(lambda: db.execute("INSERT INTO notes (text) SELECT 'many' FROM generate_series(1, 5000)"), "53400")

    def in_a_transaction():
        with db.transaction():
            db.execute("INSERT INTO notes (text) SELECT 'many' FROM generate_series(1, 5000)")

    refused(in_a_transaction, "53400")

    def in_a_pipeline():
        with db.pipeline():
            db.execute("INSERT INTO notes (text) VALUES ('never')")
            db.execute("DELETE FROM articles")
            db.execute("INSERT INTO notes (text) VALUES ('never')")

    refused(in_a_pipeline, "42501")
    with db.pipeline():
        answers = [db.execute("SELECT %s::int", [at]) for at in range(20)]
    assert [answer.fetchone() for answer in answers] == [(at,) for at in range(20)]

    with db.cursor().copy("COPY notes (text) FROM STDIN") as copy:
        copy.write_row(["six"])
    with db.cursor().copy("COPY (SELECT id FROM articles ORDER BY id LIMIT 3) TO STDOUT") as copy:
        assert [row for row in copy.rows()] == [("1",), ("2",), ("3",)]
    with db.transaction(), db.cursor("kept") as cursor:
        cursor.execute("SELECT id FROM articles ORDER BY id")
        assert len(cursor.fetchmany(10)) == 10 and len(cursor.fetchall()) == 90
print("6 notes")
