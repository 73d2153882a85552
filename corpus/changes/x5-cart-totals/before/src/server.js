import Hapi from '@hapi/hapi';
import Joi from 'joi';
import knex from 'knex';
import { total } from './total.js';

const db = knex({ client: 'pg', connection: process.env.DATABASE_URL });
const server = Hapi.server({ port: process.env.PORT ?? 3000 });

server.route({
  method: 'POST',
  path: '/orders',
  options: {
    validate: {
      payload: Joi.object({
        lines: Joi.array()
          .items(Joi.object({ sku: Joi.string().required(), quantity: Joi.number().integer().min(1).required() }))
          .min(1)
          .required(),
      }),
    },
  },
  handler: async (req, h) => {
    const prices = await db('prices').whereIn('sku', req.payload.lines.map((l) => l.sku));
    const centsOf = new Map(prices.map((p) => [p.sku, p.cents]));
    const lines = req.payload.lines.map((l) => ({ ...l, cents: centsOf.get(l.sku) }));
    const sums = total(lines);
    await db('orders').insert({ net_cents: sums.net, vat_cents: sums.vat, gross_cents: sums.gross });
    return h.response(sums).code(201);
  },
});

await server.start();
