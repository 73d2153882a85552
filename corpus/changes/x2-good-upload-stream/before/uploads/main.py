import os
import uuid
from pathlib import Path

from fastapi import FastAPI, UploadFile

app = FastAPI()
folder = Path(os.environ.get("UPLOADS", "/srv/uploads"))


@app.post("/files", status_code=201)
async def upload(file: UploadFile):
    name = uuid.uuid4().hex
    (folder / name).write_bytes(await file.read())
    return {"id": name}
