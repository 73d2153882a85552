import Koa from 'koa';
import mongoose from 'mongoose';
import { config } from './config.js';
import { Plan } from './models.js';

const app = new Koa();

app.use(async (ctx) => {
  ctx.body = await Plan.find().lean();
});

await mongoose.connect(config.mongoUrl);
app.listen(config.port);
