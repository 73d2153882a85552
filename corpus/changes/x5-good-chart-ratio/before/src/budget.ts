export interface Budget {
  name: string;
  plannedCents: number;
  spentCents: number;
}
