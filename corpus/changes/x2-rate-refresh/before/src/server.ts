import express from 'express';
import { z } from 'zod';
import { totalCents } from './quote.js';

const body = z.object({
  lines: z.array(z.object({ cents: z.number().int(), quantity: z.number().int().positive() })).max(100),
});

export const app = express();
app.use(express.json({ limit: '100kb' }));

app.post('/quotes', (req, res) => {
  const parsed = body.safeParse(req.body);
  if (!parsed.success) {
    res.status(400).json({ error: 'bad quote' });
    return;
  }
  res.json({ currency: 'EUR', cents: totalCents(parsed.data.lines) });
});

if (process.env.NODE_ENV !== 'test') {
  app.listen(Number(process.env.PORT ?? 3000));
}
