from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0014_planned_publications"),
    ]

    operations = [
        migrations.AddField(
            model_name="stagedrow",
            name="doubt",
            field=models.CharField(blank=True, db_default="", help_text="See audience.doubts", max_length=8),
        ),
        migrations.AddField(
            model_name="stagedrow",
            name="mailbox",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="Probably behind the address, where it is another",
                max_length=1000,
            ),
        ),
    ]
