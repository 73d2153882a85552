import Koa from 'koa';
import mongoose from 'mongoose';
import { Product } from './models.js';

const app = new Koa();

app.use(async (ctx) => {
  ctx.body = await Product.find().sort('sku').limit(200).lean();
});

await mongoose.connect(process.env.MONGO_URL);
app.listen(Number(process.env.PORT ?? 3000));
