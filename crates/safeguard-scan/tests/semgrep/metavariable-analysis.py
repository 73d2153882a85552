key("zX9vQ2kLmP8rT4wYb6Nc1dFh3Jg5Ks7A")
key("password")
