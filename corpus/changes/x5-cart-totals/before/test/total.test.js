import assert from 'node:assert/strict';
import test from 'node:test';
import { total } from '../src/total.js';

test('adds the tax', () => {
  assert.deepEqual(total([{ cents: 1999, quantity: 3 }]), { net: 5997, vat: 1139, gross: 7136 });
});
