import mongoose from 'mongoose';
import { ImportRun, Product } from './models.js';

export function normalise(row) {
  return {
    sku: String(row.sku).trim().toUpperCase(),
    name: String(row.name).trim(),
    cents: Number(row.cents),
  };
}

/** Takes the whole feed over, or nothing of it. */
export async function importFeed(supplier, rows) {
  const session = await mongoose.startSession();
  session.startTransaction();
  try {
    rows.map(normalise).forEach(async (row) => {
      await Product.updateOne(
        { sku: row.sku },
        { $set: { name: row.name, cents: row.cents, supplier } },
        { upsert: true, session, runValidators: true },
      );
    });
    const [run] = await ImportRun.create([{ supplier, products: rows.length }], { session });
    await session.commitTransaction();
    return run;
  } catch (err) {
    await session.abortTransaction();
    throw err;
  } finally {
    await session.endSession();
  }
}
