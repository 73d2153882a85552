// Drizzle over postgres.js, which sends several statements before it hears of the first.
import assert from "node:assert/strict";
import { eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/postgres-js";
import { integer, pgTable, serial, text } from "drizzle-orm/pg-core";
import postgres from "postgres";

const articles = pgTable("articles", { id: integer("id").primaryKey(), name: text("name").notNull() });
const notes = pgTable("notes", { id: serial("id").primaryKey(), text: text("text").notNull() });

const client = postgres(process.env.DATABASE_URL, { max: 2 });
const db = drizzle(client);
const refused = async (promise, code) => {
  const error = await promise.then(() => assert.fail("it ran"), (error) => error.cause ?? error);
  assert.equal(error.code, code);
  assert.ok(error.hint.length > 0);
};

const [seventh] = await db.select().from(articles).where(eq(articles.id, 7));
assert.equal(seventh.name, "article 7");
const together = await Promise.all(Array.from({ length: 50 }, (_, at) => client`SELECT name FROM articles WHERE id = ${at + 1}`));
assert.deepEqual(together.map(([row]) => row.name), Array.from({ length: 50 }, (_, at) => `article ${at + 1}`));

const [first] = await db.insert(notes).values([{ text: "one" }, { text: "two" }]).returning();
await db.transaction(async (tx) => {
  await tx.update(notes).set({ text: "uno" }).where(eq(notes.id, first.id));
  await tx.insert(notes).values({ text: "three" });
});
await assert.rejects(
  db.transaction(async (tx) => {
    await tx.insert(notes).values({ text: "never" });
    throw new Error("changed its mind");
  }),
);

await refused(db.delete(articles).where(eq(articles.id, 1)), "42501");
await refused(db.delete(articles), "42501");
await refused(db.execute(sql`TRUNCATE articles`), "42501");
await refused(client.unsafe("SELECT 1; DROP TABLE articles"), "42501");
await refused(db.execute(sql`INSERT INTO notes (text) SELECT 'many' FROM generate_series(1, 5000)`), "53400");
await refused(
  db.transaction(async (tx) => {
    await tx.insert(notes).values({ text: "never" });
    await tx.delete(articles);
  }),
  "42501",
);

let rows = 0;
await client`SELECT id FROM articles`.cursor(25, (part) => void (rows += part.length));
assert.equal(rows, 100);
await client.end();
console.log("3 notes");
