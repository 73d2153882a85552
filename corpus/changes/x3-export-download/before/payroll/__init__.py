from flask import Flask
from flask_login import LoginManager

from .exports import bp
from .users import load


def create_app(folder):
    app = Flask(__name__)
    app.config["EXPORTS"] = folder
    app.config.from_prefixed_env("PAYROLL")
    manager = LoginManager(app)
    manager.user_loader(load)
    app.register_blueprint(bp)
    return app
