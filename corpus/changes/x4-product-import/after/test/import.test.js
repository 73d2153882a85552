import assert from 'node:assert/strict';
import test from 'node:test';
import { normalise } from '../src/import.js';

test('normalises the feed', () => {
  assert.deepEqual(normalise({ sku: ' a-1 ', name: 'Cup ', cents: '250' }), { sku: 'A-1', name: 'Cup', cents: 250 });
});
