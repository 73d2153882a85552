"""Accounts, signing in and out."""

import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filing import audit, passwords
from filing.database import Database
from filing.server import Answer, Problem

if TYPE_CHECKING:
    from filing.app import Context

# Checked when there is no such account, so that both take the same time.
NOBODY = passwords.stored("nobody has this password")


@dataclass(frozen=True)
class Account:
    id: int
    email: str
    name: str
    role: str


def of_token(database: Database, token: str | None) -> Account | None:
    if token is None:
        return None
    with database.reading() as db:
        row = db.execute(
            "SELECT a.id, a.email, a.name, a.role FROM sessions s JOIN accounts a ON a.id = s.account_id"
            " WHERE s.token_hash = ? AND s.expires_at > ? AND NOT a.disabled",
            (passwords.token_hash(token), int(time.time())),
        ).fetchone()
    return None if row is None else Account(**dict(row))


def sign_in(context: "Context") -> Answer:
    asked = context.call.json()
    email, password = asked.get("email"), asked.get("password")
    if not isinstance(email, str) or not isinstance(password, str) or len(password) > passwords.LENGTH_MAX:
        raise Problem(400, "`email` and `password` are needed")
    email = email.strip().lower()
    now = int(time.time())
    with context.database.reading() as db:
        locked = db.execute("SELECT locked_until FROM failed_sign_ins WHERE email = ?", (email,)).fetchone()
        account = db.execute("SELECT * FROM accounts WHERE email = ? AND NOT disabled", (email,)).fetchone()
    if locked is not None and locked["locked_until"] > now:
        raise Problem(429, "too many failed tries; wait some minutes")
    if not passwords.matches(password, account["password"] if account else NOBODY) or account is None:
        _count_failure(context, email, now)
        raise Problem(401, "e-mail or password is wrong")
    token = passwords.new_token()
    with context.database.writing() as db:
        db.execute("DELETE FROM failed_sign_ins WHERE email = ?", (email,))
        db.execute(
            "INSERT INTO sessions VALUES (?, ?, ?)",
            (passwords.token_hash(token), account["id"], now + context.settings.session_hours * 3600),
        )
        audit.record(db, account["id"], "signed-in", f"account:{account['id']}")
    return Answer(201, {"token": token})


def sign_out(context: "Context") -> Answer:
    with context.database.writing() as db:
        db.execute("DELETE FROM sessions WHERE token_hash = ?", (passwords.token_hash(context.call.token or ""),))
        audit.record(db, context.me.id, "signed-out", f"account:{context.me.id}")
    return Answer(200, {})


def me(context: "Context") -> Answer:
    account = context.me
    return Answer(200, {"id": account.id, "email": account.email, "name": account.name, "role": account.role})


def change_password(context: "Context") -> Answer:
    asked = context.call.json()
    old, new = asked.get("old"), asked.get("new")
    if not isinstance(old, str) or not isinstance(new, str):
        raise Problem(400, "`old` and `new` are needed")
    if not passwords.LENGTH_MIN <= len(new) <= passwords.LENGTH_MAX:
        raise Problem(400, f"a password has {passwords.LENGTH_MIN} to {passwords.LENGTH_MAX} characters")
    with context.database.writing() as db:
        kept = db.execute("SELECT password FROM accounts WHERE id = ?", (context.me.id,)).fetchone()["password"]
        if not passwords.matches(old, kept):
            raise Problem(403, "the old password is wrong")
        db.execute("UPDATE accounts SET password = ? WHERE id = ?", (passwords.stored(new), context.me.id))
        # Whoever had the old password is out.
        db.execute(
            "DELETE FROM sessions WHERE account_id = ? AND token_hash != ?",
            (context.me.id, passwords.token_hash(context.call.token or "")),
        )
        audit.record(db, context.me.id, "password-changed", f"account:{context.me.id}")
    return Answer(200, {})


def every(context: "Context") -> Answer:
    with context.database.reading() as db:
        rows = db.execute("SELECT id, email, name, role, disabled FROM accounts ORDER BY id LIMIT 500").fetchall()
    return Answer(200, {"accounts": [dict(row) for row in rows]})


def create(context: "Context") -> Answer:
    asked = context.call.json()
    email, name, password, role = (asked.get(key) for key in ("email", "name", "password", "role"))
    if not all(isinstance(text, str) and text for text in (email, name, password, role)):
        raise Problem(400, "`email`, `name`, `password` and `role` are needed")
    if role not in ("member", "auditor", "admin") or "@" not in email:
        raise Problem(400, "the role or the e-mail is none")
    if not passwords.LENGTH_MIN <= len(password) <= passwords.LENGTH_MAX:
        raise Problem(400, f"a password has {passwords.LENGTH_MIN} to {passwords.LENGTH_MAX} characters")
    with context.database.writing() as db:
        try:
            created = db.execute(
                "INSERT INTO accounts (email, name, password, role, created_at) VALUES (?, ?, ?, ?, ?)",
                (email.strip().lower(), name, passwords.stored(password), role, int(time.time())),
            ).lastrowid
        except sqlite3.IntegrityError:
            raise Problem(409, "there is such an account already") from None
        audit.record(db, context.me.id, "account-created", f"account:{created}", role)
    return Answer(201, {"id": created})


def disable(context: "Context", id: int) -> Answer:
    if id == context.me.id:
        raise Problem(409, "nobody disables their own account")
    with context.database.writing() as db:
        if db.execute("UPDATE accounts SET disabled = 1 WHERE id = ?", (id,)).rowcount != 1:
            raise Problem(404, "no such account")
        db.execute("DELETE FROM sessions WHERE account_id = ?", (id,))
        audit.record(db, context.me.id, "account-disabled", f"account:{id}")
    return Answer(200, {})


def _count_failure(context: "Context", email: str, now: int) -> None:
    most, lock = context.settings.failed_sign_ins_max, context.settings.lock_seconds
    with context.database.writing() as db:
        db.execute(
            "INSERT INTO failed_sign_ins VALUES (?, 1, 0) ON CONFLICT (email) DO UPDATE SET count = count + 1", (email,)
        )
        db.execute(
            "UPDATE failed_sign_ins SET locked_until = ?, count = 0 WHERE email = ? AND count >= ?",
            (now + lock, email, most),
        )
        audit.record(db, None, "sign-in-failed", "account", email)
