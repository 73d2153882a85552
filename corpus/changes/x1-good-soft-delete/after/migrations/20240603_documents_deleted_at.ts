import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('documents', (t) => {
    t.timestamp('deleted_at', { useTz: true }).nullable();
    t.index(['owner', 'deleted_at']);
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable('documents', (t) => {
    t.dropIndex(['owner', 'deleted_at']);
    t.dropColumn('deleted_at');
  });
}
