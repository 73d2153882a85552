import { MongoMemoryServer } from 'mongodb-memory-server';
import mongoose from 'mongoose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { take } from '../src/quota.js';

let server: MongoMemoryServer;

beforeAll(async () => {
  server = await MongoMemoryServer.create();
  await mongoose.connect(server.getUri());
});

afterAll(async () => {
  await mongoose.disconnect();
  await server.stop();
});

it('gives away exactly the limit under concurrency', async () => {
  const taken = await Promise.all(Array.from({ length: 50 }, () => take('ada', 1, 20)));
  expect(taken.filter(Boolean)).toHaveLength(20);
});
