/** Lines are "METHOD PATH STATUS MILLISECONDS". */
export function summarise(lines) {
  const byPath = new Map();
  for (const line of lines) {
    const [, path, status] = line.split(' ');
    const entry = byPath.get(path) ?? { path, count: 0, errors: 0 };
    entry.count += 1;
    if (Number(status) >= 500) entry.errors += 1;
    byPath.set(path, entry);
  }
  return [...byPath.values()].sort((a, b) => b.count - a.count);
}
