import { Plan } from './models.js';

export const plans = [
  { code: 'basic', priceCents: 900 },
  { code: 'team', priceCents: 2900 },
];

export async function seed() {
  if ((await Plan.countDocuments()) > 0) return;
  await Plan.insertMany(plans);
}
