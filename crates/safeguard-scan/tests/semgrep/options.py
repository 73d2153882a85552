A = "a"
f(A)
f("a")
