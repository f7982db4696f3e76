from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0012_subscribers")]

    operations = [
        migrations.AddField(
            model_name="sendingpulse",
            name="database",
            field=models.CharField(
                blank=True, default="", help_text="Which one it was: a restored one is another", max_length=60
            ),
            preserve_default=False,
        ),
    ]
