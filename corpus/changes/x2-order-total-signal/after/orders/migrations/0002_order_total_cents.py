from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="order",
            name="total_cents",
            field=models.PositiveBigIntegerField(default=0),
        ),
    ]
