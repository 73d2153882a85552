API_SECRET = "abc"
secret_key = "abc"
key = "abc"
token = make()
my_token: str = "abc"
self.token = "abc"
