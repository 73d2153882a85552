import { Mutex } from 'async-mutex';
import { Usage } from './usage.js';

const mutex = new Mutex();

export async function take(customer: string, amount: number, limit: number): Promise<boolean> {
  const id = `${customer}:${new Date().toISOString().slice(0, 10)}`;
  return mutex.runExclusive(async () => {
    const usage = (await Usage.findById(id)) ?? new Usage({ _id: id });
    if (usage.used + amount > limit) return false;
    usage.used += amount;
    await usage.save();
    return true;
  });
}
