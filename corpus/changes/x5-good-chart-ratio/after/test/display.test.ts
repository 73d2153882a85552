import { expect, it } from 'vitest';
import { euros, share } from '../src/display';

it('shows cents as euros', () => {
  expect(euros(123456)).toBe('€1,234.56');
});

it('knows how much is spent', () => {
  expect(share({ name: 'a', plannedCents: 300, spentCents: 100 })).toBeCloseTo(1 / 3);
  expect(share({ name: 'a', plannedCents: 0, spentCents: 0 })).toBe(0);
});
