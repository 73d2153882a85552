\set id random(1, 100)
SELECT name FROM articles WHERE id = :id;
BEGIN;
INSERT INTO notes (text) VALUES ('by pgbench');
UPDATE notes SET text = 'of pgbench' WHERE id = currval('notes_id_seq');
COMMIT;
