import Router from '@koa/router';
import { pool } from './db';

export const reports = new Router({ prefix: '/reports' });

const PAGE = 50;

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** ?q= searches the title, ?sort= and ?dir= order, ?page= counts from 1. */
reports.get('/', async (ctx) => {
  const q = first(ctx.query.q);
  const sort = first(ctx.query.sort) ?? 'created_at';
  const dir = first(ctx.query.dir) ?? 'DESC';
  const page = Math.max(1, Number.parseInt(first(ctx.query.page) ?? '1', 10) || 1);

  let sql = 'SELECT id, title, author, created_at FROM reports WHERE org_id = $1';
  if (q) {
    sql += ` AND title ILIKE '%${q}%'`;
  }
  sql += ` ORDER BY ${sort} ${dir} LIMIT ${PAGE} OFFSET ${(page - 1) * PAGE}`;

  const { rows } = await pool.query(sql, [ctx.state.user.orgId]);
  ctx.body = { page, rows };
});
