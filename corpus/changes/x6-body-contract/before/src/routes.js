import { randomUUID } from 'node:crypto';
import { Router } from 'express';
import { db } from './store.js';

export const contacts = Router();

contacts.get('/', (req, res) => {
  res.json(db.data.contacts);
});

contacts.post('/', async (req, res) => {
  if (typeof req.body.name !== 'string') return res.sendStatus(400);
  const contact = { id: randomUUID(), name: req.body.name };
  await db.update(({ contacts }) => contacts.push(contact));
  res.status(201).json(contact);
});
