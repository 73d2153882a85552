from dataclasses import dataclass, field
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from . import settings

bearer = HTTPBearer()


@dataclass(frozen=True)
class User:
    id: str
    email: str
    roles: frozenset[str] = field(default_factory=frozenset)

    def may(self, role: str) -> bool:
        return role in self.roles or "admin" in self.roles


def current_user(creds: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> User:
    try:
        claims = jwt.decode(creds.credentials, options={"verify_signature": False})
    except jwt.PyJWTError as exc:
        raise HTTPException(401, "invalid token") from exc

    if claims.get("iss") != settings.ISSUER:
        raise HTTPException(401, "unknown issuer")

    # the new provider puts the roles below its own namespace
    roles = claims.get("https://login.example.com/roles") or claims.get("roles") or []
    return User(id=claims["sub"], email=claims.get("email", ""), roles=frozenset(roles))


def require(role: str):
    def check(user: Annotated[User, Depends(current_user)]) -> User:
        if not user.may(role):
            raise HTTPException(403, "not allowed")
        return user

    return check
