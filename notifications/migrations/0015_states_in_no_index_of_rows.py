"""A change of a recipient's state is written beside its row, on the same page, and into no index but one of pages.

Before, two changes a message wrote into eleven indexes each, most of them at random places: half of what a message
cost PostgreSQL, and more the more rows there were.
"""

import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0014_events_are_kept_at_the_database"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="recipient",
            name="recipient_counts_incident",
        ),
        migrations.RemoveIndex(
            model_name="recipient",
            name="recipient_by_state",
        ),
        migrations.AddIndex(
            model_name="recipient",
            index=models.Index(fields=["mailing", "id"], name="recipient_of_mailing"),
        ),
        migrations.AddIndex(
            model_name="recipient",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True,
                fields=["state"],
                name="recipient_states",
                opclasses=["text_bloom_ops"],
                pages_per_range=32,
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE notifications_recipient SET (fillfactor = 50)",  # room for each row once more
            "ALTER TABLE notifications_recipient RESET (fillfactor)",
        ),
    ]
