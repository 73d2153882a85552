import { Prisma, PrismaClient } from '@prisma/client';

export class SeatTaken extends Error {}

export async function book(db: PrismaClient, showId: number, seat: string, guest: string) {
  try {
    return await db.booking.create({ data: { showId, seat, guest } });
  } catch (err) {
    if (err instanceof Prisma.PrismaClientKnownRequestError && err.code === 'P2002') {
      throw new SeatTaken(seat);
    }
    throw err;
  }
}
