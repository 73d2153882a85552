"""What the environment says."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    database: Path
    attachments: Path
    host: str = "127.0.0.1"
    port: int = 8081
    trash_days: int = 30
    session_hours: int = 12
    failed_sign_ins_max: int = 5
    lock_seconds: int = 300
    retention_interval_seconds: float = 5.0

    @classmethod
    def from_environment(cls) -> "Settings":
        database = Path(os.environ["FILING_DATABASE"])
        return cls(
            database=database,
            attachments=Path(os.environ.get("FILING_ATTACHMENTS", database.with_suffix(".attachments"))),
            host=os.environ.get("HOST", "127.0.0.1"),
            port=int(os.environ.get("PORT", "8081")),
            trash_days=int(os.environ.get("FILING_TRASH_DAYS", "30")),
        )
