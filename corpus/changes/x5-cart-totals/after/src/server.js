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
        voucher: Joi.string().uppercase().max(20),
        lines: Joi.array()
          .items(Joi.object({ sku: Joi.string().required(), quantity: Joi.number().integer().min(1).required() }))
          .min(1)
          .required(),
      }),
    },
  },
  handler: async (req, h) => {
    const prices = await db('prices').whereIn('sku', req.payload.lines.map((l) => l.sku));
    const priceOf = new Map(prices.map((p) => [p.sku, (p.cents / 100).toFixed(2)]));
    const lines = req.payload.lines.map((l) => ({ ...l, price: priceOf.get(l.sku) }));

    const voucher = req.payload.voucher ? await db('vouchers').where({ code: req.payload.voucher }).first() : null;
    const sums = total(lines, voucher);
    await db('orders').insert({
      net_cents: parseInt(sums.net * 100, 10),
      vat_cents: parseInt(sums.vat * 100, 10),
      gross_cents: parseInt(sums.gross * 100, 10),
    });
    return h.response(sums).code(201);
  },
});

await server.start();
