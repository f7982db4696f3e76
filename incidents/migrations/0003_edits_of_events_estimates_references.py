"""A form on an event, an estimate or a reference notices that somebody else saved meanwhile."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0002_immutable"),
    ]

    operations = [
        migrations.AddField(
            model_name="reference",
            name="edits",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="scopeestimate",
            name="edits",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="timelineevent",
            name="edits",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
    ]
