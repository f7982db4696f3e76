from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0022_events_by_their_keys")]

    operations = [
        migrations.AlterField(
            model_name="export",
            name="filters",
            field=models.JSONField(default=dict, help_text="See listing.Filter.query, OfMailing.query"),
        ),
        migrations.AlterField(
            model_name="export",
            name="format",
            field=models.CharField(
                choices=[
                    ("csv", "CSV, which every program reads"),
                    ("xlsx", "XLSX, an Excel workbook"),
                    ("zip", "ZIP: letters to print, and their addresses"),
                ],
                max_length=4,
            ),
        ),
    ]
