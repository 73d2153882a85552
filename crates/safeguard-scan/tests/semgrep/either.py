import pickle
import marshal
from pickle import load as restore

def read(path, text):
    with open(path) as file:
        a = pickle.load(file)
    b = marshal.loads(text)
    c = marshal.loads(text, 1)
    d = restore(file)
    return a, b, c, d, pickle.dumps(a)
