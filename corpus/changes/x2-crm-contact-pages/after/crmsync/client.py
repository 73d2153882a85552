import logging

import aiohttp

log = logging.getLogger(__name__)

PAGE = 100


class CrmClient:
    def __init__(self, http: aiohttp.ClientSession, token: str):
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}

    async def contacts(self, updated_after: str | None = None) -> list[dict]:
        """All contacts, or those touched since `updated_after` (ISO 8601)."""
        params = {"limit": str(PAGE)}
        if updated_after:
            params["updatedAfter"] = updated_after

        contacts = []
        while True:
            page = await self._page("/v3/contacts", params)
            contacts.extend(page["results"])
            log.info("read %d contacts", len(contacts))
            cursor = page.get("paging", {}).get("next")
            if cursor is None:
                return contacts

    async def _page(self, path: str, params: dict[str, str]) -> dict:
        timeout = aiohttp.ClientTimeout(total=20)
        async with self._http.get(path, params=params, headers=self._headers, timeout=timeout) as res:
            res.raise_for_status()
            return await res.json()
