class A(Job):
    name = "a"
    def run(self, x):
        return x
    def stop(self):
        return 1

class B(Job):
    def start(self):
        return 1

class C:
    def run(self):
        return 1

class D(Job, Other):
    def run(self):
        return 1
