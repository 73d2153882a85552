from flask import Flask, jsonify, request

from .users import Users


def create_app():
    app = Flask(__name__)
    users = Users()

    @app.post("/users")
    def sign_up():
        data = request.get_json()
        if not users.add(data["email"], data["password"]):
            return jsonify(error="taken"), 409
        return jsonify(email=data["email"]), 201

    return app
