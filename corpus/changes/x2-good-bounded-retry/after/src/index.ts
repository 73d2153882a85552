import { request } from 'undici';
import { retry } from './retry.js';

export interface TaxRate {
  country: string;
  permille: number;
}

export class TaxServiceError extends Error {
  constructor(readonly status: number) {
    super(`tax service answered ${status}`);
  }
}

const worthAnotherTry = (err: unknown) => !(err instanceof TaxServiceError) || err.status >= 500;

export function taxRate(base: string, country: string): Promise<TaxRate> {
  return retry(async () => {
    const res = await request(`${base}/rates/${encodeURIComponent(country)}`, {
      headersTimeout: 2000,
      bodyTimeout: 2000,
    });
    if (res.statusCode !== 200) {
      await res.body.dump();
      throw new TaxServiceError(res.statusCode);
    }
    return (await res.body.json()) as TaxRate;
  }, worthAnotherTry);
}
