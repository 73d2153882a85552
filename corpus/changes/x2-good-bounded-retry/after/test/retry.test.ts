import { expect, it, vi } from 'vitest';
import { retry } from '../src/retry.js';

it('gives up after four tries', async () => {
  const fn = vi.fn().mockRejectedValue(new Error('down'));
  await expect(retry(fn, () => true, 1)).rejects.toThrow('down');
  expect(fn).toHaveBeenCalledTimes(4);
});

it('does not repeat what can not work', async () => {
  const fn = vi.fn().mockRejectedValue(new Error('bad request'));
  await expect(retry(fn, () => false, 1)).rejects.toThrow('bad request');
  expect(fn).toHaveBeenCalledTimes(1);
});
