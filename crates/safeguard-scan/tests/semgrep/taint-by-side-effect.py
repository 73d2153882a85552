def one(buffer):
    fill(buffer)
    execute(buffer)

def two(buffer):
    fill(buffer)
    clean(buffer)
    execute(buffer)

def three(buffer):
    execute(buffer)
    fill(buffer)

def four(buffer, other):
    fill(other)
    execute(buffer)
