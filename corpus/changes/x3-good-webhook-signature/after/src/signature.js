import { createHmac, timingSafeEqual } from 'node:crypto';

const MAX_AGE_S = 300;

export function sign(secret, timestamp, body) {
  return createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
}

export function isGenuine(secret, signature, timestamp, body, now = Date.now()) {
  if (!Buffer.isBuffer(body) || !/^[0-9a-f]{64}$/.test(signature ?? '') || !/^\d{1,12}$/.test(timestamp ?? '')) {
    return false;
  }
  if (Math.abs(now / 1000 - Number(timestamp)) > MAX_AGE_S) return false;
  return timingSafeEqual(Buffer.from(signature, 'hex'), Buffer.from(sign(secret, timestamp, body), 'hex'));
}
