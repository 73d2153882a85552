import falcon

from .calc import interest


class InterestResource:
    def on_get(self, req, resp):
        resp.media = {
            "interest": interest(
                req.get_param_as_float("principal", required=True),
                req.get_param_as_float("rate", required=True),
                req.get_param_as_int("days", required=True),
            )
        }


app = falcon.App()
app.add_route("/interest", InterestResource())
