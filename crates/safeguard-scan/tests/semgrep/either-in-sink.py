import subprocess
from flask import request

def one():
    subprocess.run(request.form["a"], shell=True)

def two():
    subprocess.run("ls", env=request.form["a"], shell=True)

def three():
    cmd = request.args.get("c")
    subprocess.call("x " + cmd, shell=True)

def four():
    cmd = request.args.get("c")
    subprocess.run([cmd])
