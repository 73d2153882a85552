from callcentre.calls import by_customer


def row(customer, ticket):
    return {"id": customer, "name": "Ada", "phone": "+49 30 1", "ticket": ticket, "subject": "-", "priority": 1}


def test_tickets_of_a_customer_stand_together():
    entries = by_customer([row(1, 10), row(1, 11), row(2, 12)])
    assert [len(e["tickets"]) for e in entries] == [2, 1]
