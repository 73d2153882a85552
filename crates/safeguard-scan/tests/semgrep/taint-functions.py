def direct():
    eval(input())

def through():
    a = input()
    b = a.strip()
    c = "x" + b
    d = [c]
    eval(d)

def loop():
    total = ""
    for i in range(3):
        eval(total)
        total += input()

def attribute(self):
    self.a = input()
    eval(self.a)

def key():
    a = {}
    a["k"] = input()
    eval(a["k"])
