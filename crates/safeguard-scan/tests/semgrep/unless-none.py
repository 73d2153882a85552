f(None)
f(1)
f(a, key=a)
f(a, key=b)
