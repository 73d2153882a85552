import knex from 'knex';
import { expect, it } from 'vitest';
import { query } from '../src/rollup';

it('has one row for each shop', () => {
  const sql = query(knex({ client: 'pg' }), '2024-05-01').toString();
  expect(sql).toContain('group by "orders"."shop_id"');
});
