import { build } from './app.js';

const secret = process.env.JWT_SECRET;
if (!secret) throw new Error('JWT_SECRET is not set');

const app = await build(secret);
await app.listen({ port: Number(process.env.PORT ?? 3000), host: '0.0.0.0' });
