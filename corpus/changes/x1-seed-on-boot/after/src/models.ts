import { Schema, model } from 'mongoose';

const planSchema = new Schema({
  code: { type: String, required: true, unique: true },
  priceCents: { type: Number, required: true },
});

const customerSchema = new Schema({
  email: { type: String, required: true, unique: true },
  createdAt: { type: Date, default: () => new Date() },
});

const subscriptionSchema = new Schema({
  customer: { type: Schema.Types.ObjectId, ref: 'Customer', required: true },
  plan: { type: String, required: true },
  startedAt: { type: Date, required: true },
});

export const Plan = model('Plan', planSchema);
export const Customer = model('Customer', customerSchema);
export const Subscription = model('Subscription', subscriptionSchema);
