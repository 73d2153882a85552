import Router from '@koa/router';
import { pool } from './db';

export const reports = new Router({ prefix: '/reports' });

reports.get('/', async (ctx) => {
  const { rows } = await pool.query(
    'SELECT id, title, author, created_at FROM reports WHERE org_id = $1 ORDER BY created_at DESC LIMIT 50',
    [ctx.state.user.orgId],
  );
  ctx.body = rows;
});
