import { Schema, model } from 'mongoose';

const usageSchema = new Schema({
  _id: { type: String, required: true },
  used: { type: Number, required: true, default: 0 },
});

/** One document for each customer and day; the id is `customer:YYYY-MM-DD`. */
export const Usage = model('Usage', usageSchema);
