import os

from psycopg_pool import AsyncConnectionPool

pool = AsyncConnectionPool(os.environ.get("DATABASE_URL", ""), open=False, max_size=10)
