import type { Budget } from './budget';

const format = new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' });

/** For reading only: the sums are made in cents. */
export function euros(cents: number): string {
  return format.format(cents / 100);
}

/**
 * How much of the plan is spent; 1 is all of it, and more than 1 is too much.
 * A budget without a plan is full as soon as something is spent.
 */
export function share({ plannedCents, spentCents }: Budget): number {
  if (plannedCents <= 0) return spentCents > 0 ? 1 : 0;
  return spentCents / plannedCents;
}
