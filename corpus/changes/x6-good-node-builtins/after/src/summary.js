function parse(line) {
  const [method, path, status, ms] = line.split(' ');
  return { method, path, status: Number(status), ms: Number(ms) };
}

/** Lines are "METHOD PATH STATUS MILLISECONDS". The most visited path comes first. */
export function summarise(lines) {
  const byPath = Object.groupBy(lines.map(parse), (request) => request.path);
  return Object.entries(byPath)
    .map(([path, requests]) => ({
      path,
      count: requests.length,
      errors: requests.filter((r) => r.status >= 500).length,
      slowest: requests.toSorted((a, b) => b.ms - a.ms).at(0).ms,
    }))
    .toSorted((a, b) => b.count - a.count);
}
