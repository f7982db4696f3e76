import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

# What was published stays; taking words out of it is the one exception.
TRANSLATION_STAYS = """
CREATE FUNCTION candor_published_translation_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.published_at IS NOT NULL AND NOT (
    TG_OP = 'UPDATE' AND coalesce(current_setting('candor.redacting', true), '') = 'on'
    AND (to_jsonb(NEW) - 'of' - 'words') IS NOT DISTINCT FROM (to_jsonb(OLD) - 'of' - 'words')
  ) THEN
    RAISE EXCEPTION 'a published translation stays: write the next one' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER incidents_translation_immutable BEFORE UPDATE OR DELETE ON incidents_translation
  FOR EACH ROW EXECUTE FUNCTION candor_published_translation_stays();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0018_minor_edits"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Translation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("language", models.CharField(max_length=16)),
                ("thing", models.CharField(help_text="Whose text: update:12", max_length=40)),
                ("field", models.CharField(help_text="Which of its texts: body", max_length=40)),
                ("of", models.TextField(help_text="The original, as it read when this was written")),
                ("words", models.TextField(blank=True, help_text="Empty: there is no translation any more")),
                ("written_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("edits", models.PositiveIntegerField(default=0, editable=False)),
                ("published_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="translations",
                        to="incidents.incident",
                    ),
                ),
                (
                    "written_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("published_at", None)),
                        fields=("incident", "language", "thing", "field"),
                        name="translation_one_draft",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("of", ""), _negated=True), name="translation_is_of_something"
                    ),
                ],
            },
        ),
        migrations.RemoveConstraint(model_name="pageversion", name="page_version_published_was_approved"),
        migrations.AlterField(
            model_name="pageversion",
            name="cause",
            field=models.CharField(
                choices=[
                    ("published", "Published by a person"),
                    ("edited", "A person mended wording"),
                    ("translated", "A person added translations"),
                    ("telling", "The state of telling changed"),
                    ("time", "Time passed"),
                    ("look", "Rendered anew after an upgrade"),
                    ("redacted", "A person took words out"),
                    ("site", "Documents of the whole site"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="pageversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("cause__in", ["published", "edited", "translated"]), _negated=True),
                    ("approval__isnull", False),
                    _connector="OR",
                ),
                name="page_version_published_was_approved",
            ),
        ),
        migrations.RunSQL(
            TRANSLATION_STAYS,
            "DROP TRIGGER incidents_translation_immutable ON incidents_translation; "
            "DROP FUNCTION candor_published_translation_stays()",
        ),
    ]
