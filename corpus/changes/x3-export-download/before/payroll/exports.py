from flask import Blueprint, current_app, send_from_directory
from flask_login import login_required

bp = Blueprint("exports", __name__, url_prefix="/exports")


@bp.get("/<name>")
@login_required
def download(name):
    return send_from_directory(current_app.config["EXPORTS"], name, as_attachment=True)
