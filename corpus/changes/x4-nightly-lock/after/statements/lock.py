import socket


class HostLock:
    """Held by one host at a time. Other hosts see who has it under the key."""

    def __init__(self, client, key, ttl=3600):
        self.client = client
        self.key = f"lock:{key}"
        self.ttl = ttl
        self.owner = socket.gethostname()

    def acquire(self):
        if self.client.get(self.key) is not None:
            return False
        self.client.set(self.key, self.owner, ex=self.ttl)
        return True

    def release(self):
        self.client.delete(self.key)
