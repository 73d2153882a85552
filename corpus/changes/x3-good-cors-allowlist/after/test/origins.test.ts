import { expect, it } from 'vitest';
import { build } from '../src/app.js';
import { parseOrigins } from '../src/origins.js';

it('takes exact origins only', () => {
  expect(parseOrigins('https://m.example.com, https://m.example.org')).toHaveLength(2);
  expect(() => parseOrigins('*')).toThrow();
  expect(() => parseOrigins('http://m.example.com')).toThrow();
});

it('still needs a token', async () => {
  const app = await build({ secret: 'only-for-tests', origins: ['https://m.example.com'] });
  const res = await app.inject({ url: '/tickets', headers: { origin: 'https://evil.example' } });
  expect(res.statusCode).toBe(401);
  expect(res.headers['access-control-allow-origin']).toBeUndefined();
});
