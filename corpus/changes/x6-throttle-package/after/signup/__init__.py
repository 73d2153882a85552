from flask import Flask, jsonify, request
from flask_request_quota import Quota, client_address

from .users import Users

quota = Quota(key=client_address, default="100 per hour")


def create_app():
    app = Flask(__name__)
    quota.init_app(app)
    users = Users()

    @app.post("/users")
    @quota.limit("5 per minute")
    def sign_up():
        data = request.get_json()
        if len(data["password"]) < 12:
            return jsonify(error="the password needs 12 characters"), 400
        if not users.add(data["email"], data["password"]):
            return jsonify(error="taken"), 409
        return jsonify(email=data["email"]), 201

    @app.errorhandler(429)
    def too_many(error):
        return jsonify(error="too many sign-ups, try again later"), 429

    return app
