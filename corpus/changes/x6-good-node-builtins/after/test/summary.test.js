import assert from 'node:assert/strict';
import test from 'node:test';
import { summarise } from '../src/summary.js';

test('counts', () => {
  const [first] = summarise(['GET /a 200 12', 'GET /a 503 30', 'GET /b 200 7']);
  assert.deepEqual(first, { path: '/a', count: 2, errors: 1, slowest: 30 });
});

test('an empty log has no paths', () => {
  assert.deepEqual(summarise([]), []);
});
