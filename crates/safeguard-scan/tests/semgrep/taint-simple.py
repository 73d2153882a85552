import os, shlex
from flask import request

def one():
    name = request.args.get("name")
    os.system("ls " + name)

def two():
    name = shlex.quote(request.args.get("name"))
    os.system("ls " + name)

def three():
    name = request.args.get("name")
    name = "fixed"
    os.system("ls " + name)

def four(flag):
    name = "fixed"
    if flag:
        name = request.args.get("name")
    os.system(f"ls {name}")

def five():
    names = [request.args.get("name")]
    os.system(names[0])
