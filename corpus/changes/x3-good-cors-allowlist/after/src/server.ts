import { build } from './app.js';
import { parseOrigins } from './origins.js';

const secret = process.env.JWT_SECRET;
if (!secret) throw new Error('JWT_SECRET is not set');

const app = await build({ secret, origins: parseOrigins(process.env.CORS_ORIGINS) });
await app.listen({ port: Number(process.env.PORT ?? 3000), host: '0.0.0.0' });
