import express from 'express';
import { z } from 'zod';
import { totalCents } from './quote.js';
import { latestRates } from './rates.js';

const body = z.object({
  currency: z.string().length(3).default('EUR'),
  lines: z.array(z.object({ cents: z.number().int(), quantity: z.number().int().positive() })).max(100),
});

export const app = express();
app.use(express.json({ limit: '100kb' }));

app.post('/quotes', async (req, res, next) => {
  const parsed = body.safeParse(req.body);
  if (!parsed.success) {
    res.status(400).json({ error: 'bad quote' });
    return;
  }
  const { currency, lines } = parsed.data;
  try {
    const perMille = currency === 'EUR' ? 1000 : (await latestRates())[currency];
    if (perMille === undefined) {
      res.status(422).json({ error: 'unknown currency' });
      return;
    }
    res.json({ currency, cents: Math.round((totalCents(lines) * perMille) / 1000) });
  } catch (err) {
    next(err);
  }
});

if (process.env.NODE_ENV !== 'test') {
  app.listen(Number(process.env.PORT ?? 3000));
}
