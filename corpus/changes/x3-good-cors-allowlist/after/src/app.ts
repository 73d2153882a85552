import cors from '@fastify/cors';
import jwt from '@fastify/jwt';
import Fastify from 'fastify';

export interface Options {
  secret: string;
  origins: string[];
}

export async function build({ secret, origins }: Options) {
  const app = Fastify({ logger: true });
  await app.register(cors, {
    origin: origins,
    methods: ['GET', 'POST'],
    allowedHeaders: ['authorization', 'content-type'],
    maxAge: 600,
  });
  await app.register(jwt, { secret });

  app.addHook('onRequest', async (req) => {
    await req.jwtVerify();
  });

  app.get('/tickets', async () => []);
  return app;
}
