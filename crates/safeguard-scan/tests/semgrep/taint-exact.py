def one():
    sink(source(1))

def two():
    a = source(1)
    sink(a)

def three():
    sink(f(source(1)))
