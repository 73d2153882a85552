import os
import uuid
from pathlib import Path

from fastapi import FastAPI, HTTPException, UploadFile

from .store import TooLarge, save

app = FastAPI()
folder = Path(os.environ.get("UPLOADS", "/srv/uploads"))


@app.post("/files", status_code=201)
def upload(file: UploadFile):
    name = uuid.uuid4().hex
    try:
        size, digest = save(file.file, folder / name)
    except TooLarge as exc:
        raise HTTPException(413, "file too large") from exc
    return {"id": name, "size": size, "sha256": digest}
