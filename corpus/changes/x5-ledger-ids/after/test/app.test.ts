import { expect, it } from 'vitest';
import { build } from '../src/app.js';

it('has the entries of an account', async () => {
  const app = await build();
  expect(app.hasRoute({ method: 'GET', url: '/accounts/:account/entries' })).toBe(true);
});
