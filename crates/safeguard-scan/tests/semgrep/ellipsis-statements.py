def one(path):
    f = open(path)
    text = f.read()
    f.close()
    return text

def two(path):
    f = open(path)
    return f.read()

def three(path):
    f = open(path)
    if path:
        f.close()

def four(path):
    f = open(path)
    f.close()
