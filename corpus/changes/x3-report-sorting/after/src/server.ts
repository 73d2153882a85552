import Koa from 'koa';
import { authenticate } from './authenticate';
import { reports } from './reports';

const app = new Koa();
app.use(authenticate);
app.use(reports.routes());
app.listen(Number(process.env.PORT ?? 3000));
