import { Usage } from './usage.js';

const DUPLICATE_KEY = 11000;

/** Takes `amount` from what the customer may use today, if so much is left. */
export async function take(customer: string, amount: number, limit: number): Promise<boolean> {
  if (!Number.isInteger(amount) || amount < 1) throw new RangeError('amount must be a positive integer');
  if (amount > limit) return false;

  const id = `${customer}:${new Date().toISOString().slice(0, 10)}`;
  const raise = () => Usage.findOneAndUpdate({ _id: id, used: { $lte: limit - amount } }, { $inc: { used: amount } });

  if (await raise()) return true;

  // either the first use of the day, or the quota is used up
  try {
    await Usage.create({ _id: id, used: amount });
    return true;
  } catch (err) {
    if ((err as { code?: number }).code !== DUPLICATE_KEY) throw err;
  }
  // it was there: another process may just have made it
  return (await raise()) !== null;
}
