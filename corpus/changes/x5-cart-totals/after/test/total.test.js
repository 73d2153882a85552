import assert from 'node:assert/strict';
import test from 'node:test';
import { total } from '../src/total.js';

test('takes the voucher off', () => {
  const sums = total([{ price: '20.00', quantity: 1 }], { kind: 'percent', value: 50 });
  assert.equal(sums.net, 10);
  assert.equal(sums.discount, 10);
});
