/** Amounts are whole cents. */
export interface Budget {
  name: string;
  plannedCents: number;
  spentCents: number;
}
