import { createHash } from 'node:crypto';

const digests = new Map(
  (process.env.SUPPLIER_DIGESTS ?? '')
    .split(',')
    .filter(Boolean)
    .map((pair) => pair.split(':').reverse()),
);

export function supplierOf(key) {
  return digests.get(createHash('sha256').update(key).digest('hex'));
}
