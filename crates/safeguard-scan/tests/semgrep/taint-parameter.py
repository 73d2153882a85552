@app.route("/<name>")
def one(name):
    q = "select " + name
    cursor.execute(q)

def two(name):
    cursor.execute("select " + name)

@app.route("/<name>")
def three(name):
    cursor.execute("select %s", (name,))
