import { expect, it } from 'vitest';

it('encodes the term', () => {
  expect(new URLSearchParams({ q: 'a b' }).toString()).toBe('q=a+b');
});
