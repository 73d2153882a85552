"""What the environment says."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    database: Path
    spool: Path
    host: str = "127.0.0.1"
    port: int = 8080
    staff_token: str | None = None
    provider_url: str | None = None
    provider_timeout_seconds: float = 2.0
    reservation_seconds: int = 900
    worker_interval_seconds: float = 1.0

    @classmethod
    def from_environment(cls) -> "Settings":
        database = Path(os.environ["STOREFRONT_DATABASE"])
        return cls(
            database=database,
            spool=Path(os.environ.get("STOREFRONT_SPOOL", database.with_suffix(".spool"))),
            host=os.environ.get("HOST", "127.0.0.1"),
            port=int(os.environ.get("PORT", "8080")),
            staff_token=os.environ.get("STOREFRONT_STAFF_TOKEN"),
            provider_url=os.environ.get("STOREFRONT_PROVIDER_URL"),
            reservation_seconds=int(os.environ.get("STOREFRONT_RESERVATION_SECONDS", "900")),
        )
