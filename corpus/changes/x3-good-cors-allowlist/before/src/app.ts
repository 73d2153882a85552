import jwt from '@fastify/jwt';
import Fastify from 'fastify';

export async function build(secret: string) {
  const app = Fastify({ logger: true });
  await app.register(jwt, { secret });

  app.addHook('onRequest', async (req) => {
    await req.jwtVerify();
  });

  app.get('/tickets', async () => []);
  return app;
}
