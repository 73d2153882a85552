import type { Knex } from 'knex';

/** Sums up the orders of the month that begins on `month`. */
export async function rollup(db: Knex, month: string) {
  const rows = await db('orders')
    .select('shop_id')
    .count('* as orders')
    .sum('total_cents as revenue_cents')
    .whereRaw("ordered_on >= ?::date AND ordered_on < ?::date + interval '1 month'", [month, month])
    .groupBy('shop_id');
  if (rows.length === 0) return 0;
  await db('shop_revenue')
    .insert(rows.map((row) => ({ ...row, month })))
    .onConflict(['shop_id', 'month'])
    .merge();
  return rows.length;
}
