import { expect, it, vi } from 'vitest';
import { book, SeatTaken } from '../src/book';

const client = (taken: { seat: string }[]) =>
  ({ booking: { findMany: vi.fn().mockResolvedValue(taken), createMany: vi.fn() } }) as any;

it('refuses when one of the seats is taken', async () => {
  await expect(book(client([{ seat: 'A1' }]), 1, ['A1', 'A2'], 'ada')).rejects.toThrow(SeatTaken);
});

it('books the group', async () => {
  expect((await book(client([]), 1, ['A1', 'A2'], 'ada')).seats).toEqual(['A1', 'A2']);
});
