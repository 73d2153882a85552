import { expect, it } from 'vitest';
import { Hub } from '../src/hub.js';

it('is empty at first', () => {
  expect(new Hub().size('lobby')).toBe(0);
});
