from typing import Annotated

from fastapi import Depends, FastAPI

from .auth import User, current_user, require

app = FastAPI()


@app.get("/me")
def me(user: Annotated[User, Depends(current_user)]):
    return {"id": user.id, "email": user.email, "roles": sorted(user.roles)}


@app.get("/reports")
def reports(user: Annotated[User, Depends(require("analyst"))]):
    return {"reports": ["revenue", "churn"], "for": user.id}
