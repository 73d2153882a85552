import { request } from 'undici';

export interface TaxRate {
  country: string;
  permille: number;
}

export async function taxRate(base: string, country: string): Promise<TaxRate> {
  const res = await request(`${base}/rates/${encodeURIComponent(country)}`);
  if (res.statusCode !== 200) throw new Error(`tax service answered ${res.statusCode}`);
  return (await res.body.json()) as TaxRate;
}
