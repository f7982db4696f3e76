from django.db import migrations, models
from django.db.models.functions import Now


def told_already(apps, schema_editor):
    """Requests of before are on the page; nobody gets mail about old ones."""
    apps.get_model("accounts", "Approval").objects.update(mailed_at=Now())


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_tokens_open_notices")]

    operations = [
        migrations.AddField(
            model_name="approval",
            name="mailed_at",
            field=models.DateTimeField(blank=True, help_text="When those who may answer were told by mail", null=True),
        ),
        migrations.RunPython(told_already, migrations.RunPython.noop),
    ]
