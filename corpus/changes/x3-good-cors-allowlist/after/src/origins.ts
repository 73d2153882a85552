/** Reads "https://a.example, https://b.example". */
export function parseOrigins(list: string | undefined): string[] {
  const origins = (list ?? '').split(',').map((o) => o.trim()).filter(Boolean);
  for (const origin of origins) {
    if (!/^https:\/\/[a-z0-9.-]+(:\d+)?$/.test(origin)) {
      throw new Error(`not an exact https origin: ${origin}`);
    }
  }
  return origins;
}
