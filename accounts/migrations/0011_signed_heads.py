"""Keys and signed heads of the log. They stay as they are: of a head only where it was written to is added."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from importlib import import_module

both_ways = import_module("accounts.migrations.0002_append_only").both_ways

ANCHORS = """
CREATE FUNCTION candor_anchor_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (to_jsonb(NEW) - ARRAY['filed_at', 'mailed_at']) IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['filed_at', 'mailed_at']) THEN
    RAISE EXCEPTION 'a signed head never changes' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER accounts_anchor_stays BEFORE UPDATE ON accounts_anchor FOR EACH ROW EXECUTE FUNCTION candor_anchor_stays();
CREATE TRIGGER accounts_anchor_kept BEFORE DELETE ON accounts_anchor FOR EACH ROW EXECUTE FUNCTION candor_refuse();
CREATE TRIGGER accounts_anchor_no_truncate BEFORE TRUNCATE ON accounts_anchor
  FOR EACH STATEMENT EXECUTE FUNCTION candor_refuse();
"""
NO_ANCHORS = """
DROP TRIGGER accounts_anchor_stays ON accounts_anchor; DROP TRIGGER accounts_anchor_kept ON accounts_anchor;
DROP TRIGGER accounts_anchor_no_truncate ON accounts_anchor; DROP FUNCTION candor_anchor_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_inquiries_by_mail")]

    operations = [
        migrations.CreateModel(
            name="SigningKey",
            fields=[
                ("id", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("public", models.CharField(help_text="Ed25519, 32 bytes in hexadecimal", max_length=64)),
                ("since", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={"ordering": ["since", "id"]},
        ),
        migrations.CreateModel(
            name="Anchor",
            fields=[
                ("number", models.BigIntegerField(help_text="Of the last entry", primary_key=True, serialize=False)),
                ("hash", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                ("signature", models.CharField(max_length=128)),
                ("filed_at", models.DateTimeField(help_text="Written into AUDIT_ANCHOR_DIR", null=True)),
                ("mailed_at", models.DateTimeField(help_text="Mailed to AUDIT_OFFICERS", null=True)),
                ("key", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.signingkey")),
            ],
            options={
                "ordering": ["number"],
                "indexes": [
                    models.Index(condition=models.Q(("filed_at", None)), fields=["number"], name="anchor_to_be_filed"),
                    models.Index(condition=models.Q(("mailed_at", None)), fields=["number"], name="anchor_to_be_mailed"),
                ],
            },
        ),
        *both_ways("accounts_signingkey"),
        migrations.RunSQL(ANCHORS, NO_ANCHORS),
    ]
