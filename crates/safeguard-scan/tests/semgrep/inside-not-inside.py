def one(db, row):
    db.delete(row)

def two(db, row):
    with db.transaction():
        db.delete(row)

def three(db, other, row):
    with other.transaction():
        db.delete(row)
    db.delete(None)

class Four:
    def run(self, row):
        self.db.delete(row)

db.delete(1)
