// node-postgres runs what it is told, line by line, and says what came of it.
import { createInterface } from "node:readline";
import pg from "pg";

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
let notices = [];
client.on("notice", (notice) => notices.push(notice.message));
await client.connect();
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  notices = [];
  try {
    // Without parameters it sends a simple query.
    const done = await client.query({ text: asked.sql, values: asked.values, queryMode: asked.extended ? "extended" : undefined });
    console.log(JSON.stringify({ rows: done.rowCount ?? -1, notices }));
  } catch (error) {
    console.log(JSON.stringify({ sqlstate: error.code, message: error.message, hint: error.hint }));
  }
}
await client.end();
