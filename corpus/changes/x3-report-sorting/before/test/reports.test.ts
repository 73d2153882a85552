import { expect, it } from 'vitest';
import { reports } from '../src/reports';

it('has the list', () => {
  expect(reports.stack.map((layer) => layer.path)).toContain('/reports');
});
