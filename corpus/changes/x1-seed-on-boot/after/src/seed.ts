import { Customer, Plan, Subscription } from './models.js';

export const plans = [
  { code: 'basic', priceCents: 900 },
  { code: 'team', priceCents: 2900 },
  { code: 'enterprise', priceCents: 9900 },
];

export const demoCustomers = ['ada@example.com', 'grace@example.com', 'linus@example.com'];

export async function seed() {
  await Promise.all([Plan.deleteMany({}), Customer.deleteMany({}), Subscription.deleteMany({})]);

  await Plan.insertMany(plans);
  const customers = await Customer.insertMany(demoCustomers.map((email) => ({ email })));
  await Subscription.insertMany(
    customers.map((customer, i) => ({
      customer: customer._id,
      plan: plans[i % plans.length].code,
      startedAt: new Date(),
    })),
  );
}
