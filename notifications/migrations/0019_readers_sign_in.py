import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("notifications", "0018_nothing_is_emptied")]

    operations = [
        migrations.AddField(
            "readerlink",
            "signed_at",
            models.DateTimeField(db_default=Now(), help_text="When this serial was given"),
        ),
        migrations.CreateModel(
            name="LinkRevocation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("because", models.CharField(max_length=300)),
                ("links", models.PositiveIntegerField(help_text="How many were living")),
                ("at", models.DateTimeField()),
                (
                    "waiting_signed_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When the links of all messages that had not gone out were signed anew",
                        null=True,
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="link_revocations",
                        to="incidents.incident",
                    ),
                ),
            ],
            options={"ordering": ["-at"]},
        ),
        migrations.CreateModel(
            name="FreshLinkRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.BinaryField(help_text="Of the token, whatever it was", max_length=32)),
                ("at", models.DateTimeField(db_default=Now())),
            ],
            options={"ordering": ["pk"]},
        ),
        migrations.CreateModel(
            name="HandOver",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.BinaryField(max_length=32)),
                ("token", models.CharField(help_text="Short name of the API token that asked", max_length=8)),
                ("made_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "affected_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="incidents.affectedaccount"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["expires_at"], name="hand_over_by_end")],
                "constraints": [models.UniqueConstraint(fields=("sha256",), name="hand_over_token_once")],
            },
        ),
        migrations.CreateModel(
            name="MailboxCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("handle_sha256", models.BinaryField(help_text="Of what the asking browser holds", max_length=32)),
                ("lookup", models.BinaryField(help_text="Keyed hash of the normalised address", max_length=32)),
                (
                    "sealed",
                    models.TextField(blank=True, help_text="Address and code, sealed; emptied when it is over"),
                ),
                ("language", models.CharField(max_length=16)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("asked_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, help_text="When it was mailed", null=True)),
                ("used_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["lookup"], name="mailbox_code_by_lookup"),
                    models.Index(
                        condition=models.Q(("sent_at", None)), fields=["asked_at"], name="mailbox_code_to_send"
                    ),
                ],
                "constraints": [models.UniqueConstraint(fields=("handle_sha256",), name="mailbox_code_handle_once")],
            },
        ),
    ]
