import mongoose from 'mongoose';

export const Product = mongoose.model(
  'Product',
  new mongoose.Schema({
    sku: { type: String, required: true, unique: true },
    name: { type: String, required: true },
    cents: { type: Number, required: true, min: 0 },
    supplier: { type: String, index: true },
  }),
);

export const ImportRun = mongoose.model(
  'ImportRun',
  new mongoose.Schema({
    supplier: { type: String, required: true },
    products: { type: Number, required: true },
    at: { type: Date, default: () => new Date() },
  }),
);
