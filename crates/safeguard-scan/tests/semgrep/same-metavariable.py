a == a
a == b
a.b == a.b
f(x) - f(x)
f(x) - f(y)
a[0] == a[0]
