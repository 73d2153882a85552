export const config = {
  port: Number(process.env.PORT ?? 3000),
  mongoUrl: process.env.MONGO_URL ?? 'mongodb://localhost:27017/subscriptions',
  seedOnBoot: process.env.SEED_ON_BOOT !== 'false',
};
