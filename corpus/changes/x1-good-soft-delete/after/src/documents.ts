import type { Knex } from 'knex';

export class Documents {
  constructor(private readonly db: Knex) {}

  list(owner: string) {
    return this.db('documents').where({ owner }).whereNull('deleted_at').orderBy('title');
  }

  trash(owner: string) {
    return this.db('documents').where({ owner }).whereNotNull('deleted_at').orderBy('deleted_at', 'desc');
  }

  async remove(owner: string, id: number): Promise<boolean> {
    const marked = await this.db('documents')
      .where({ owner, id })
      .whereNull('deleted_at')
      .update({ deleted_at: this.db.fn.now() });
    return marked === 1;
  }

  async restore(owner: string, id: number): Promise<boolean> {
    const restored = await this.db('documents')
      .where({ owner, id })
      .whereNotNull('deleted_at')
      .update({ deleted_at: null });
    return restored === 1;
  }
}
