from litestar import Litestar, get


@get("/health")
async def health() -> dict[str, bool]:
    return {"ok": True}


app = Litestar([health])
