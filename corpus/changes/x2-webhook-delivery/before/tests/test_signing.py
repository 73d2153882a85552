from hooks.signing import signature


def test_signature_depends_on_the_body():
    assert signature("s", b"a") != signature("s", b"b")
