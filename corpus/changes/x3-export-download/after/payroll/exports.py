import os

from flask import Blueprint, abort, current_app, jsonify, send_file
from flask_login import login_required

bp = Blueprint("exports", __name__, url_prefix="/exports")


def _folder():
    return current_app.config["EXPORTS"]


@bp.get("/")
@login_required
def index():
    """Months, each with its files, newest first."""
    months = []
    for month in sorted(os.listdir(_folder()), reverse=True):
        path = os.path.join(_folder(), month)
        if os.path.isdir(path):
            months.append({"month": month, "files": sorted(os.listdir(path))})
    return jsonify(months)


@bp.get("/<path:name>")
@login_required
def download(name):
    path = os.path.join(_folder(), name)
    if not os.path.isfile(path):
        abort(404)
    return send_file(path, as_attachment=True, download_name=os.path.basename(path))
