import { randomUUID } from 'node:crypto';
import { PrismaClient } from '@prisma/client';

export class SeatTaken extends Error {}

const MAX_SEATS = 8;

/** Books all the seats for one guest, or none of them. */
export async function book(db: PrismaClient, showId: number, seats: string[], guest: string) {
  const wanted = [...new Set(seats)];
  if (wanted.length === 0 || wanted.length > MAX_SEATS) {
    throw new RangeError(`between 1 and ${MAX_SEATS} seats`);
  }

  const taken = await db.booking.findMany({
    where: { showId, seat: { in: wanted } },
    select: { seat: true },
  });
  if (taken.length > 0) {
    throw new SeatTaken(taken.map((b) => b.seat).join(', '));
  }

  const groupId = randomUUID();
  await db.booking.createMany({
    data: wanted.map((seat) => ({ showId, seat, guest, groupId })),
  });
  return { groupId, seats: wanted };
}
