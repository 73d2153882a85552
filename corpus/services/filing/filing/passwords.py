"""Passwords and tokens: only hashes are stored."""

import hashlib
import hmac
import secrets

COST = 2**13
LENGTH_MIN = 10
LENGTH_MAX = 200


def stored(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"scrypt${COST}${salt.hex()}${_derived(password, salt, COST).hex()}"


def matches(password: str, kept: str) -> bool:
    kind, cost, salt, derived = kept.split("$")
    if kind != "scrypt":
        return False
    return hmac.compare_digest(_derived(password, bytes.fromhex(salt), int(cost)), bytes.fromhex(derived))


def new_token() -> str:
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _derived(password: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=cost, r=8, p=1, maxmem=2**26)
