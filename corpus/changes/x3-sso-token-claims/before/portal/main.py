from typing import Annotated

from fastapi import Depends, FastAPI

from .auth import current_user

app = FastAPI()


@app.get("/me")
def me(user: Annotated[dict, Depends(current_user)]):
    return {"id": user["sub"]}
