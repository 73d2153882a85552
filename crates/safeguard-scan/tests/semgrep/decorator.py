@app.route("/")
def one():
    x = 1
    return x

@app.route("/two")
@login
def two():
    return 2

def three():
    return 3

@app.get("/")
def four():
    return 4
