import { randomUUID } from 'node:crypto';
import { Router } from 'express';
import { contract, text, email, optional } from 'express-body-contract';
import { db } from './store.js';

export const contacts = Router();

const contact = contract({
  name: text({ min: 1, max: 120 }),
  email: optional(email()),
  phone: optional(text({ pattern: /^\+[0-9 ]{6,20}$/ })),
});

contacts.get('/', (req, res) => {
  res.json(db.data.contacts);
});

contacts.post('/', contact, async (req, res) => {
  const created = { id: randomUUID(), ...req.contract };
  await db.update(({ contacts }) => contacts.push(created));
  res.status(201).json(created);
});
