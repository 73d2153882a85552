import type { Budget } from './budget';

export function BudgetList({ budgets }: { budgets: Budget[] }) {
  return (
    <ul>
      {budgets.map((b) => (
        <li key={b.name}>{b.name}</li>
      ))}
    </ul>
  );
}
