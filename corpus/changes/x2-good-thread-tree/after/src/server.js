import Fastify from 'fastify';
import pg from 'pg';
import { tree } from './tree.js';

const pool = new pg.Pool();
const app = Fastify({ logger: true });

app.get('/posts/:id/comments', async (req) => {
  const { rows } = await pool.query(
    'SELECT id, parent_id, author, body FROM comments WHERE post_id = $1 ORDER BY id LIMIT 1000',
    [req.params.id],
  );
  return tree(rows);
});

await app.listen({ port: Number(process.env.PORT ?? 3000) });
