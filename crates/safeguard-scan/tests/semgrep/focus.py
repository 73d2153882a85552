def good(a, b=None):
    return a

def bad(
    a,
    b=[],
):
    return b

def also(b=[], *rest):
    return b
