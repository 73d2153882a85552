import os

ISSUER = os.environ.get("OIDC_ISSUER", "https://login.example.com/")
AUDIENCE = os.environ.get("OIDC_AUDIENCE", "portal")
