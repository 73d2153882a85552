from peewee import AutoField, CharField, DateField, DecimalField, Model, PostgresqlDatabase

db = PostgresqlDatabase(None)


class Entry(Model):
    id = AutoField()
    account = CharField()
    booked_on = DateField()
    amount = DecimalField(max_digits=14, decimal_places=2)
    purpose = CharField(max_length=200)

    class Meta:
        database = db
