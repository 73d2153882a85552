from bottle import Bottle, request

from .store import Store


def create_app(folder):
    app = Bottle()
    store = Store(folder)

    @app.post("/snapshots")
    def save():
        return {"name": store.save(request.json)}

    return app
