import type { Knex } from 'knex';

export class Documents {
  constructor(private readonly db: Knex) {}

  list(owner: string) {
    return this.db('documents').where({ owner }).orderBy('title');
  }

  async remove(owner: string, id: number): Promise<boolean> {
    const removed = await this.db('documents').where({ owner, id }).del();
    return removed === 1;
  }
}
