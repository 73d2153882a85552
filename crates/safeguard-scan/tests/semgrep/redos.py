import re
re.compile("(a+)+$")
re.compile("a+$")
