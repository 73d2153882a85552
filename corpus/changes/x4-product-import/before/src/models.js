import mongoose from 'mongoose';

export const Product = mongoose.model(
  'Product',
  new mongoose.Schema({
    sku: { type: String, required: true, unique: true },
    name: { type: String, required: true },
    cents: { type: Number, required: true, min: 0 },
  }),
);
