from argon2 import PasswordHasher

hasher = PasswordHasher()


class Users:
    def __init__(self):
        self._digests = {}

    def add(self, email, password):
        if email in self._digests:
            return False
        self._digests[email] = hasher.hash(password)
        return True
