from django.db import migrations, models


class Migration(migrations.Migration):
    """Most uploads are packed already, or read once: trying to compress each piece costs more than it saves."""

    dependencies = [("incidents", "0011_headers_in_their_order")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE incidents_uploadpiece ALTER COLUMN content SET STORAGE EXTERNAL",
            "ALTER TABLE incidents_uploadpiece ALTER COLUMN content SET STORAGE EXTENDED",
        ),
        migrations.AlterField(model_name="columnmapping", name="at", field=models.DateTimeField()),
    ]
