import aiohttp


class CrmClient:
    def __init__(self, http: aiohttp.ClientSession, token: str):
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}

    async def contacts(self) -> list[dict]:
        async with self._http.get("/v3/contacts", headers=self._headers) as res:
            res.raise_for_status()
            return (await res.json())["results"]
