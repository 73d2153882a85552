from decimal import Decimal, InvalidOperation

import falcon

from .calc import interest


def decimal_param(req, name, largest):
    try:
        value = Decimal(req.get_param(name, required=True))
    except InvalidOperation:
        raise falcon.HTTPInvalidParam("must be a decimal number", name) from None
    if not value.is_finite() or not 0 <= value <= largest:
        raise falcon.HTTPInvalidParam(f"must be between 0 and {largest}", name)
    return value


class InterestResource:
    def on_get(self, req, resp):
        result = interest(
            decimal_param(req, "principal", Decimal(10**12)),
            decimal_param(req, "rate", Decimal(100)),
            req.get_param_as_int("days", required=True, min_value=0, max_value=36500),
        )
        # a string, so that no JSON reader turns it into a float
        resp.media = {"interest": str(result)}


app = falcon.App()
app.add_route("/interest", InterestResource())
