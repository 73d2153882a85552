"""Who may call what: the table of all endpoints, and the check before each."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from filing import accounts, attachments, audit, documents, sharing
from filing.accounts import Account
from filing.database import Database
from filing.server import Answer, Call, Problem
from filing.settings import Settings


@dataclass(frozen=True)
class Context:
    database: Database
    settings: Settings
    call: Call
    account: Account | None

    @property
    def me(self) -> Account:
        if self.account is None:
            raise Problem(401, "sign in first")
        return self.account


ANYONE, MEMBER, AUDITOR, ADMIN = "anyone", "member", "auditor", "admin"
ALLOWED = {MEMBER: {MEMBER, AUDITOR, ADMIN}, AUDITOR: {AUDITOR, ADMIN}, ADMIN: {ADMIN}}

Endpoint = Callable[..., Answer]
ENDPOINTS: list[tuple[str, str, str, Endpoint]] = [
    ("POST", "/sign-in", ANYONE, accounts.sign_in),
    ("POST", "/sign-out", MEMBER, accounts.sign_out),
    ("GET", "/me", MEMBER, accounts.me),
    ("POST", "/me/password", MEMBER, accounts.change_password),
    ("GET", "/accounts", ADMIN, accounts.every),
    ("POST", "/accounts", ADMIN, accounts.create),
    ("POST", "/accounts/{id}/disable", ADMIN, accounts.disable),
    ("GET", "/audit", AUDITOR, audit.records),
    ("GET", "/documents", MEMBER, documents.every),
    ("POST", "/documents", MEMBER, documents.create),
    ("GET", "/documents/{id}", MEMBER, documents.read),
    ("PUT", "/documents/{id}", MEMBER, documents.change),
    ("GET", "/documents/{id}/revisions", MEMBER, documents.revisions),
    ("POST", "/documents/{id}/trash", MEMBER, documents.trash),
    ("POST", "/documents/{id}/restore", MEMBER, documents.restore),
    ("POST", "/documents/{id}/shares", MEMBER, sharing.share),
    ("DELETE", "/documents/{id}/shares/{account}", MEMBER, sharing.unshare),
    ("POST", "/documents/{id}/links", MEMBER, sharing.create_link),
    ("GET", "/links/{token}", ANYONE, sharing.open_link),
    ("POST", "/documents/{id}/attachments", MEMBER, attachments.add),
    ("GET", "/documents/{id}/attachments", MEMBER, attachments.every),
    ("GET", "/attachments/{id}", MEMBER, attachments.read),
    ("DELETE", "/attachments/{id}", MEMBER, attachments.remove),
]


class App:
    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._endpoints = [
            (method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + r"\Z"), role, endpoint)
            for method, path, role, endpoint in ENDPOINTS
        ]

    def __call__(self, call: Call) -> Answer:
        if call.path == "/healthz":
            with self._database.reading() as db:
                db.execute("SELECT 1 FROM migrations LIMIT 1")
            return Answer(200, {"status": "ok"})
        account = accounts.of_token(self._database, call.token)
        for method, pattern, role, endpoint in self._endpoints:
            found = pattern.match(call.path)
            if found and method == call.method:
                context = Context(self._database, self._settings, call, account)
                if role != ANYONE and context.me.role not in ALLOWED[role]:
                    raise Problem(403, f"this is for the role {role}")
                return endpoint(context, **_arguments(found.groupdict()))
        raise Problem(404, "no such resource")


def _arguments(found: dict[str, str]) -> dict[str, Any]:
    """Ids become numbers; what is no number is no id of ours."""
    arguments: dict[str, Any] = {}
    for name, text in found.items():
        if name in ("id", "account"):
            if not (text.isascii() and text.isdigit() and len(text) < 18):
                raise Problem(404, "no such resource")
            arguments[name] = int(text)
        else:
            arguments[name] = unquote(text)
    return arguments
