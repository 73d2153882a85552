import knex from 'knex';
import { rollup } from './rollup';

async function main() {
  const db = knex({ client: 'pg', connection: process.env.DATABASE_URL });
  try {
    console.log(`${await rollup(db, process.argv[2])} shops`);
  } finally {
    await db.destroy();
  }
}

main().catch((err) => {
  console.error(err);
  process.exitCode = 1;
});
