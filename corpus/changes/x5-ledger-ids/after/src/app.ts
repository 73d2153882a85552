import sensible from '@fastify/sensible';
import Fastify from 'fastify';
import { pool } from './db.js';

interface Entry {
  id: number;
  cents: number;
  reverses: number | null;
  booked_at: string;
}

const entry = {
  type: 'object',
  properties: {
    id: { type: 'integer' },
    cents: { type: 'integer' },
    reverses: { type: ['integer', 'null'] },
    booked_at: { type: 'string' },
  },
} as const;

export async function build() {
  const app = Fastify({ logger: true });
  await app.register(sensible);

  app.get<{ Params: { account: string } }>(
    '/accounts/:account/entries',
    { schema: { response: { 200: { type: 'array', items: entry } } } },
    async (req) => {
      const { rows } = await pool.query<Entry>(
        'SELECT id, cents, reverses, booked_at FROM entries WHERE account = $1 ORDER BY id DESC LIMIT 100',
        [req.params.account],
      );
      return rows;
    },
  );

  app.get<{ Params: { account: string } }>('/accounts/:account/balance', async (req) => {
    const { rows } = await pool.query<{ cents: string }>(
      'SELECT coalesce(sum(cents), 0)::text AS cents FROM entries WHERE account = $1',
      [req.params.account],
    );
    return { account: req.params.account, cents: rows[0].cents };
  });

  return app;
}
