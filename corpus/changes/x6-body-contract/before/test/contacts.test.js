import assert from 'node:assert/strict';
import test from 'node:test';
import request from 'supertest';
import { app } from '../src/app.js';

test('refuses a contact without a name', async () => {
  const res = await request(app).post('/contacts').send({});
  assert.equal(res.status, 400);
});
