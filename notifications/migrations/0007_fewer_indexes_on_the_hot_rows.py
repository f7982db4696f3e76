"""Indexes that stood twice are gone, and with them a third of what a change of state costs.

Batches are named by the statement that makes them, so nobody looks them up row by row; attempts keep room on their
page for the two updates that follow.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0006_claims_by_mailing"),
    ]

    operations = [
        migrations.AlterField(
            model_name="attempt",
            name="batch",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="attempts",
                to="notifications.sendbatch",
            ),
        ),
        migrations.AlterField(
            model_name="attempt",
            name="recipient",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="attempts",
                to="notifications.recipient",
            ),
        ),
        migrations.AlterField(
            model_name="outbox",
            name="batch",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="notifications.sendbatch",
            ),
        ),
        migrations.AlterField(
            model_name="recipient",
            name="affected_account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="recipients",
                to="incidents.affectedaccount",
            ),
        ),
        migrations.AlterField(
            model_name="recipient",
            name="code",
            field=models.CharField(help_text="Reference code printed in the message", max_length=20),
        ),
        migrations.AlterField(
            model_name="recipient",
            name="incident",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="recipients",
                to="incidents.incident",
            ),
        ),
        migrations.AlterField(
            model_name="recipient",
            name="mailing",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="recipients",
                to="notifications.mailing",
            ),
        ),
        migrations.AlterField(
            model_name="recipient",
            name="message_id",
            field=models.CharField(help_text="Stable over attempts, without angle brackets", max_length=200),
        ),
        migrations.AddConstraint(
            model_name="recipient",
            constraint=models.UniqueConstraint(fields=("code",), name="recipient_code_once"),
        ),
        migrations.AddConstraint(
            model_name="recipient",
            constraint=models.UniqueConstraint(fields=("message_id",), name="recipient_message_id_once"),
        ),
        migrations.RunSQL(
            "ALTER TABLE notifications_attempt SET (fillfactor = 60)",
            "ALTER TABLE notifications_attempt RESET (fillfactor)",
        ),
    ]
