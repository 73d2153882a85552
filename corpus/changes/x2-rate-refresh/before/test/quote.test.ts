import { expect, it } from 'vitest';
import { totalCents } from '../src/quote.js';

it('sums the lines', () => {
  expect(totalCents([{ cents: 250, quantity: 2 }, { cents: 99, quantity: 1 }])).toBe(599);
});
