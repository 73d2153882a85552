from functools import lru_cache
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from . import settings

bearer = HTTPBearer()


@lru_cache
def keys() -> jwt.PyJWKClient:
    return jwt.PyJWKClient(settings.ISSUER + ".well-known/jwks.json")


def current_user(creds: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> dict:
    try:
        key = keys().get_signing_key_from_jwt(creds.credentials)
        return jwt.decode(
            creds.credentials, key.key, algorithms=["RS256"], issuer=settings.ISSUER, audience=settings.AUDIENCE
        )
    except jwt.PyJWTError as exc:
        raise HTTPException(401, "invalid token") from exc
