import assert from 'node:assert/strict';
import test from 'node:test';
import { tree } from '../src/tree.js';

const row = (id, parent_id) => ({ id, parent_id, author: 'ada', body: '-' });

test('puts answers below their comment', () => {
  const [first, second] = tree([row(1, null), row(2, 1), row(3, null)]);
  assert.equal(first.answers[0].id, 2);
  assert.equal(second.id, 3);
});

test('a circle does not hang', () => {
  assert.deepEqual(tree([row(1, 2), row(2, 1)]), []);
});
