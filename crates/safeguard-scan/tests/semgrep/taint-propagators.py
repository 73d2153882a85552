def one():
    parts = make()
    parts.append(source())
    sink(parts)

def two():
    parts = make()
    parts.append("a")
    sink(parts)

def three():
    parts = make()
    value = source()
    parts.append(value)
    sink(parts)
