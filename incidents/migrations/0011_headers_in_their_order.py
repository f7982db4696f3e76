from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0010_kinds_of_data_after_veris"),
    ]

    operations = [
        migrations.AddField(
            model_name="importbatch",
            name="headers",
            field=models.JSONField(default=list, help_text="As given, in the order of the file"),
        ),
    ]
