import responses

from hooks.tasks import deliver


@responses.activate
def test_sends_a_delivery_id():
    responses.post("https://example.com/hook", status=204)
    assert deliver.apply(args=("https://example.com/hook", "s", "{}", "d-1")).get() == 204
    assert responses.calls[0].request.headers["X-Delivery"] == "d-1"
