import { expect, it } from 'vitest';

it('counts nights', () => {
  const nights = (Date.UTC(2024, 5, 3) - Date.UTC(2024, 5, 1)) / 86400000;
  expect(nights).toBe(2);
});
