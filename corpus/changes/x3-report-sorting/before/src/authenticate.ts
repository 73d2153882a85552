import type { Context, Next } from 'koa';
import { pool } from './db';

export async function authenticate(ctx: Context, next: Next) {
  const token = ctx.get('authorization').replace(/^Bearer /, '');
  const { rows } = await pool.query('SELECT user_id, org_id FROM sessions WHERE token = $1 AND expires_at > now()', [token]);
  if (rows.length === 0) ctx.throw(401);
  ctx.state.user = { id: rows[0].user_id, orgId: rows[0].org_id };
  await next();
}
