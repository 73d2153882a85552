// node-postgres: simple and prepared statements, transactions, a cursor, COPY, a pool, and what it is told when it is refused.
import assert from "node:assert/strict";
import { once } from "node:events";
import pg from "pg";
import Cursor from "pg-cursor";
import { from as copyFrom } from "pg-copy-streams";

const refused = (promise, code) =>
  assert.rejects(promise, (error) => error.code === code && error.hint.length > 0 && error.severity === "ERROR");

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4 });
const client = await pool.connect();

const read = await client.query("SELECT id, name, price, at, tags FROM articles WHERE id = $1", [7]);
assert.deepEqual([read.rows[0].name, read.rows[0].price, read.rows[0].tags], ["article 7", "10.50", ["a", "b"]]);
assert.ok(read.rows[0].at instanceof Date);
for (let round = 0; round < 3; round++) {
  const prepared = { name: "by-id", text: "SELECT name FROM articles WHERE id = $1", values: [round + 1] };
  assert.equal((await client.query(prepared)).rows[0].name, `article ${round + 1}`);
}

const written = await client.query("INSERT INTO notes (text) VALUES ($1), ($2) RETURNING id", ["one", "two"]);
assert.equal(written.rowCount, 2);
await client.query("BEGIN");
await client.query("UPDATE notes SET text = $1 WHERE id = $2", ["uno", written.rows[0].id]);
await client.query("SAVEPOINT a");
await assert.rejects(client.query("SELECT 1 / 0"), { code: "22012" });
await client.query("ROLLBACK TO a");
assert.equal((await client.query("COMMIT")).command, "COMMIT");

await refused(client.query("DELETE FROM articles WHERE id = $1", [1]), "42501");
await refused(client.query("DROP TABLE articles"), "42501");
await refused(client.query("SELECT 1; DELETE FROM articles"), "42501");
const many = "INSERT INTO notes (text) SELECT 'many' FROM generate_series(1, 5000)";
await refused(client.query(many), "53400");
await client.query("BEGIN");
await client.query(many);
await refused(client.query("COMMIT"), "53400");
await client.query("ROLLBACK");

const cursor = client.query(new Cursor("SELECT id FROM articles ORDER BY id"));
assert.equal((await cursor.read(10)).length, 10);
assert.equal((await cursor.read(1000)).length, 90);
await cursor.close();

const copy = client.query(copyFrom("COPY notes (text) FROM STDIN"));
copy.end("three\nfour\n");
await once(copy, "finish");
client.release();

const all = await Promise.all(
  Array.from({ length: 40 }, (_, at) => pool.query("SELECT count(*)::int AS n FROM articles WHERE id <= $1", [at])),
);
assert.deepEqual(all.map((one) => one.rows[0].n), Array.from({ length: 40 }, (_, at) => at));
await pool.end();
console.log("4 notes");
