from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route

from . import machines
from .db import pool


@asynccontextmanager
async def lifespan(app):
    await pool.open()
    yield
    await pool.close()


app = Starlette(routes=[Route("/machines", machines.index)], lifespan=lifespan)
