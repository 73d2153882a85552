import { describe, expect, it } from 'vitest';
import { plans } from '../src/seed.js';

describe('plans', () => {
  it('have unique codes', () => {
    expect(new Set(plans.map((p) => p.code)).size).toBe(plans.length);
  });
});
