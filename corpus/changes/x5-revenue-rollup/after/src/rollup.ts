import type { Knex } from 'knex';

interface Revenue {
  shop_id: string;
  orders: string;
  items: string;
  refund_cents: string;
  revenue_cents: string;
}

export function query(db: Knex, month: string) {
  return db('orders')
    .leftJoin('order_items', 'order_items.order_id', 'orders.id')
    .leftJoin('refunds', 'refunds.order_id', 'orders.id')
    .select('orders.shop_id')
    .countDistinct('orders.id as orders')
    .select(
      db.raw('coalesce(sum(order_items.quantity), 0) AS items'),
      db.raw('coalesce(sum(refunds.cents), 0) AS refund_cents'),
      db.raw('sum(orders.total_cents) - coalesce(sum(refunds.cents), 0) AS revenue_cents'),
    )
    .whereRaw("orders.ordered_on >= ?::date AND orders.ordered_on < ?::date + interval '1 month'", [month, month])
    .groupBy('orders.shop_id');
}

/** Sums up the orders of the month that begins on `month`, less the refunds. */
export async function rollup(db: Knex, month: string): Promise<number> {
  const rows: Revenue[] = await query(db, month);
  if (rows.length === 0) return 0;
  await db('shop_revenue')
    .insert(rows.map((row) => ({ ...row, month })))
    .onConflict(['shop_id', 'month'])
    .merge();
  return rows.length;
}
