import express from 'express';
import { contacts } from './routes.js';

export const app = express();
app.use(express.json({ limit: '20kb' }));
app.use('/contacts', contacts);
