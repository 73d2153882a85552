import knex from 'knex';
import { beforeEach, expect, it } from 'vitest';
import * as base from '../migrations/20240110_documents.js';
import * as deletedAt from '../migrations/20240603_documents_deleted_at.js';
import { Documents } from '../src/documents.js';

let documents: Documents;

beforeEach(async () => {
  const db = knex({ client: 'better-sqlite3', connection: ':memory:', useNullAsDefault: true, pool: { min: 1, max: 1 } });
  await base.up(db);
  await deletedAt.up(db);
  await db('documents').insert({ owner: 'ada', title: 'Notes', body: '-' });
  documents = new Documents(db);
});

it('moves a document to the trash and back', async () => {
  expect(await documents.remove('ada', 1)).toBe(true);
  expect(await documents.list('ada')).toHaveLength(0);
  expect(await documents.trash('ada')).toHaveLength(1);
  expect(await documents.restore('ada', 1)).toBe(true);
  expect(await documents.list('ada')).toHaveLength(1);
});
