import Koa from 'koa';
import mongoose from 'mongoose';
import { config } from './config.js';
import { Plan } from './models.js';
import { seed } from './seed.js';

const app = new Koa();

app.use(async (ctx) => {
  ctx.body = await Plan.find().sort({ priceCents: 1 }).lean();
});

await mongoose.connect(config.mongoUrl);
if (config.seedOnBoot) {
  await seed();
}
app.listen(config.port);
