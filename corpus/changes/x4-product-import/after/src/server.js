import Koa from 'koa';
import bodyParser from 'koa-bodyparser';
import mongoose from 'mongoose';
import { importFeed } from './import.js';
import { Product } from './models.js';
import { supplierOf } from './suppliers.js';

const app = new Koa();
app.use(bodyParser({ jsonLimit: '2mb' }));

app.use(async (ctx) => {
  if (ctx.method === 'POST' && ctx.path === '/imports') {
    const supplier = supplierOf(ctx.get('x-supplier-key'));
    if (!supplier) ctx.throw(401);
    if (!Array.isArray(ctx.request.body) || ctx.request.body.length > 5000) ctx.throw(400);
    ctx.body = await importFeed(supplier, ctx.request.body);
    ctx.status = 201;
    return;
  }
  ctx.body = await Product.find().sort('sku').limit(200).lean();
});

await mongoose.connect(process.env.MONGO_URL);
app.listen(Number(process.env.PORT ?? 3000));
