import sensible from '@fastify/sensible';
import Fastify from 'fastify';
import { pool } from './db.js';

export async function build() {
  const app = Fastify({ logger: true });
  await app.register(sensible);

  app.get<{ Params: { account: string } }>('/accounts/:account/entries', async (req) => {
    const { rows } = await pool.query(
      'SELECT id, cents, reverses FROM entries WHERE account = $1 ORDER BY id DESC LIMIT 100',
      [req.params.account],
    );
    return rows;
  });

  return app;
}
