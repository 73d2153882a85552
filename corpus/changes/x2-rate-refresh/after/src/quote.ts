export interface Line {
  cents: number;
  quantity: number;
}

export function totalCents(lines: Line[]): number {
  return lines.reduce((sum, line) => sum + line.cents * line.quantity, 0);
}
