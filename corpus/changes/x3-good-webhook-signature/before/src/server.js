import express from 'express';
import pg from 'pg';
import { login } from './login.js';

const pool = new pg.Pool();
const app = express();

app.use(express.json({ limit: '50kb' }));
app.use(login(pool));

app.get('/orders', async (req, res) => {
  const { rows } = await pool.query('SELECT id, state FROM orders WHERE user_id = $1 LIMIT 100', [req.userId]);
  res.json(rows);
});

app.listen(Number(process.env.PORT ?? 3000));
