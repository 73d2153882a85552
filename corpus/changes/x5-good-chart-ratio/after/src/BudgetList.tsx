import type { Budget } from './budget';
import { euros, share } from './display';
import { Ring } from './Ring';

export function BudgetList({ budgets }: { budgets: Budget[] }) {
  return (
    <ul>
      {budgets.map((b) => (
        <li key={b.name}>
          <Ring share={share(b)} />
          {b.name}: {euros(b.spentCents)} of {euros(b.plannedCents)} ({Math.round(share(b) * 100)} %)
        </li>
      ))}
    </ul>
  );
}
