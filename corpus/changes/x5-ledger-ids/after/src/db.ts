import pg from 'pg';

// bigint comes as a string by default, which clients have to convert themselves
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => new Date(text).toISOString());

export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
