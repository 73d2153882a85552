import asyncio
import os

import aiohttp

from .client import CrmClient


async def main():
    async with aiohttp.ClientSession(os.environ["CRM_URL"]) as http:
        for contact in await CrmClient(http, os.environ["CRM_TOKEN"]).contacts():
            print(contact["id"], contact["email"])


asyncio.run(main())
