import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from crmsync.client import CrmClient


async def test_reads_contacts():
    async def handler(request):
        return web.json_response({"results": [{"id": 1, "email": "a@example.com"}]})

    app = web.Application()
    app.router.add_get("/v3/contacts", handler)
    async with TestServer(app) as server, aiohttp.ClientSession(server.make_url("/")) as http:
        assert len(await CrmClient(http, "t").contacts()) == 1
