import assert from 'node:assert/strict';
import test from 'node:test';
import { isGenuine, sign } from '../src/signature.js';

const body = Buffer.from('{"type":"payment.succeeded"}');
const now = 1717400000000;
const at = '1717400000';

test('takes what the provider signed', () => {
  assert.ok(isGenuine('s', sign('s', at, body), at, body, now));
});

test('refuses another secret, another body and an old event', () => {
  assert.ok(!isGenuine('s', sign('t', at, body), at, body, now));
  assert.ok(!isGenuine('s', sign('s', at, body), at, Buffer.from('{}'), now));
  assert.ok(!isGenuine('s', sign('s', at, body), at, body, now + 600000));
});
