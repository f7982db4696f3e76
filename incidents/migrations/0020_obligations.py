import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


KEPT = ("lawrule", "obligation", "obligationentry", "substitutenotice")
APPEND_ONLY = "".join(
    f"""
CREATE TRIGGER incidents_{name}_append_only BEFORE UPDATE OR DELETE ON incidents_{name}
  FOR EACH ROW EXECUTE FUNCTION candor_refuse();
CREATE TRIGGER incidents_{name}_no_truncate BEFORE TRUNCATE ON incidents_{name}
  FOR EACH STATEMENT EXECUTE FUNCTION candor_refuse();
"""
    for name in KEPT
)
NOT_ANY_MORE = "".join(
    f"DROP TRIGGER incidents_{name}_append_only ON incidents_{name};"
    f"DROP TRIGGER incidents_{name}_no_truncate ON incidents_{name};"
    for name in KEPT
)


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0019_translations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="decision",
            name="kind",
            field=models.CharField(
                choices=[
                    ("aware", "We became aware"),
                    ("high_risk", "High risk to people"),
                    ("material", "Material to investors"),
                    ("major", "Major incident, as the rules of our sector classify it"),
                    ("scope_final", "The scope is final"),
                    ("contact", "Contact these people"),
                    ("do_not_contact", "Do not contact these people"),
                    ("tell_first", "Tell people before the page is public"),
                    ("law_enforcement_hold", "Law enforcement asked us to wait"),
                    ("legal_hold", "Legal hold: keep everything"),
                    ("no_longer", "The superseded decision no longer holds"),
                ],
                max_length=22,
            ),
        ),
        migrations.CreateModel(
            name="CalendarFeed",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="calendar_feeds",
                        to="incidents.incident",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "revoked_by",
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
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="LawRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.SlugField(max_length=60)),
                ("number", models.PositiveIntegerField()),
                ("regime", models.CharField(max_length=80)),
                ("title", models.CharField(help_text="What has to be done", max_length=200)),
                ("citation", models.CharField(max_length=200)),
                ("source", models.URLField(help_text="Where the official text stands", max_length=500)),
                (
                    "checked_on",
                    models.DateField(
                        blank=True, help_text="When somebody last compared it; empty: not checked", null=True
                    ),
                ),
                (
                    "checked_against",
                    models.CharField(blank=True, help_text="The text it was compared with", max_length=500),
                ),
                (
                    "trigger",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("aware", "We became aware"),
                            ("high_risk", "High risk to people"),
                            ("material", "Material to investors"),
                            ("major", "Major incident, as the rules of our sector classify it"),
                            ("scope_final", "The scope is final"),
                            ("contact", "Contact these people"),
                            ("do_not_contact", "Do not contact these people"),
                            ("tell_first", "Tell people before the page is public"),
                            ("law_enforcement_hold", "Law enforcement asked us to wait"),
                            ("legal_hold", "Legal hold: keep everything"),
                            ("no_longer", "The superseded decision no longer holds"),
                        ],
                        help_text="The decision it runs from",
                        max_length=22,
                    ),
                ),
                (
                    "after",
                    models.CharField(blank=True, help_text="Key of the rule that must be met first", max_length=60),
                ),
                (
                    "amount",
                    models.PositiveSmallIntegerField(blank=True, help_text="Empty: without a fixed term", null=True),
                ),
                (
                    "unit",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("hours", "hours"),
                            ("calendar_days", "calendar days"),
                            ("business_days", "business days"),
                            ("months", "months"),
                        ],
                        max_length=14,
                    ),
                ),
                (
                    "counts_from",
                    models.CharField(
                        choices=[
                            ("moment", "from the very moment"),
                            ("next_hour", "from the next full hour"),
                            ("next_day", "from the next day: the day itself does not count"),
                            ("year_end", "from the end of the calendar year"),
                        ],
                        default="next_day",
                        max_length=10,
                    ),
                ),
                (
                    "ends",
                    models.CharField(
                        choices=[("moment", "at the same time of day"), ("end_of_day", "with the end of the last day")],
                        default="end_of_day",
                        max_length=10,
                    ),
                ),
                (
                    "ends_clock",
                    models.TimeField(blank=True, help_text="When that day ends for the recipient", null=True),
                ),
                (
                    "rolls",
                    models.BooleanField(
                        default=False, help_text="A term that ends on no business day ends on the next one"
                    ),
                ),
                (
                    "calendar",
                    models.CharField(
                        blank=True, help_text="Holidays: US, US-CA, NYSE; empty: weekends alone", max_length=20
                    ),
                ),
                (
                    "zone",
                    models.CharField(
                        blank=True, help_text="Whose days; empty: as the decision was written", max_length=40
                    ),
                ),
                (
                    "recipient",
                    models.CharField(
                        choices=[
                            ("authority", "An authority"),
                            ("people", "The people affected"),
                            ("investors", "Investors"),
                            ("media", "The media"),
                        ],
                        default="authority",
                        max_length=10,
                    ),
                ),
                ("to", models.CharField(blank=True, help_text="Who it is, in words", max_length=200)),
                (
                    "may_be_held",
                    models.BooleanField(default=False, help_text="Waits while law enforcement asks to wait"),
                ),
                (
                    "jurisdictions",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=16), blank=True, default=list, size=None
                    ),
                ),
                (
                    "threshold",
                    models.PositiveIntegerField(
                        blank=True, help_text="Applies from this many on; empty: always", null=True
                    ),
                ),
                (
                    "threshold_of",
                    models.CharField(
                        choices=[("affected", "affected accounts"), ("unreached", "accounts that nobody reaches")],
                        default="affected",
                        max_length=10,
                    ),
                ),
                (
                    "contradiction",
                    models.TextField(blank=True, help_text="Where sources contradict each other: who says what"),
                ),
                (
                    "readings",
                    models.JSONField(
                        blank=True, default=list, help_text="Other ways to count it, each with its source"
                    ),
                ),
                ("note", models.TextField(blank=True)),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "made_by",
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
                "ordering": ["regime", "key", "-number"],
            },
        ),
        migrations.CreateModel(
            name="Obligation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.SlugField(max_length=60)),
                ("chosen_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "chosen_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="obligations", to="incidents.incident"
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        help_text="As it was when chosen",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="incidents.lawrule",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="ObligationEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "at",
                    models.DateTimeField(blank=True, help_text="Beginning of the stretch it is known to", null=True),
                ),
                (
                    "precision",
                    models.CharField(
                        choices=[
                            ("second", "to the second"),
                            ("minute", "to the minute"),
                            ("day", "to the day"),
                            ("month", "to the month"),
                            ("year", "to the year"),
                            ("unknown", "not known"),
                        ],
                        default="minute",
                        max_length=8,
                    ),
                ),
                (
                    "zone",
                    models.CharField(
                        blank=True, default="UTC", help_text="As written: UTC, PT, Europe/Berlin", max_length=40
                    ),
                ),
                ("utc_offset", models.SmallIntegerField(default=0, help_text="Minutes east of UTC, as written")),
                (
                    "unknown_because",
                    models.CharField(blank=True, help_text="Why the moment is not known", max_length=300),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("met", "Met"),
                            ("late", "Late, and why"),
                            ("not_required", "Not required, and why"),
                            ("open_again", "Open again, and why"),
                            ("reading", "How it is counted, and why"),
                            ("rule", "By the newer version of the rule"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "proof",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("mailing", "A mailing"),
                            ("letter", "A letter"),
                            ("upload", "A reference of an authority’s portal"),
                            ("other", "Something else"),
                        ],
                        max_length=8,
                    ),
                ),
                ("reference", models.CharField(blank=True, max_length=200)),
                ("reasons", models.TextField(blank=True)),
                ("reading", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "obligation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="entries", to="incidents.obligation"
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="incidents.lawrule",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="ObligationReminder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("mark", models.CharField(max_length=12)),
                ("due_at", models.DateTimeField()),
                ("mailed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "obligation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reminders", to="incidents.obligation"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SubstituteNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("unreached", models.PositiveIntegerField(help_text="How many nobody reached when this was recorded")),
                (
                    "unreached_sha256",
                    models.CharField(help_text="Over the keyed hashes of these accounts, in order", max_length=64),
                ),
                ("means", models.TextField(help_text="How they are told instead")),
                (
                    "page_from",
                    models.DateTimeField(
                        blank=True, help_text="Since when the page counts; empty: not by page", null=True
                    ),
                ),
                ("page_days", models.PositiveSmallIntegerField(default=90)),
                ("phone", models.CharField(blank=True, max_length=40)),
                ("phone_from", models.DateField(blank=True, null=True)),
                ("phone_to", models.DateField(blank=True, null=True)),
                ("reasons", models.TextField()),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="substitute_notices",
                        to="incidents.incident",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.AddConstraint(
            model_name="lawrule",
            constraint=models.UniqueConstraint(fields=("key", "number"), name="law_rule_version_once"),
        ),
        migrations.AddConstraint(
            model_name="lawrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount", None), ("unit", "")),
                    models.Q(("amount__isnull", False), models.Q(("unit", ""), _negated=True)),
                    _connector="OR",
                ),
                name="law_rule_amount_with_unit",
            ),
        ),
        migrations.AddConstraint(
            model_name="lawrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("trigger", ""), _negated=True), models.Q(("after", ""), _negated=True), _connector="OR"
                ),
                name="law_rule_runs_from_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="obligation",
            constraint=models.UniqueConstraint(fields=("incident", "key"), name="obligation_once_an_incident"),
        ),
        migrations.AddConstraint(
            model_name="obligationentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("at", None), ("precision", "unknown")),
                    models.Q(("at__isnull", False), models.Q(("precision", "unknown"), _negated=True)),
                    _connector="OR",
                ),
                name="obligation_entry_at_known_or_not",
            ),
        ),
        migrations.AddConstraint(
            model_name="obligationentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "met"), _negated=True),
                    models.Q(
                        ("at__isnull", False),
                        models.Q(("proof", ""), _negated=True),
                        models.Q(("reference", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="obligation_met_when_with_proof",
            ),
        ),
        migrations.AddConstraint(
            model_name="obligationentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ("met", "rule")), models.Q(("reasons", ""), _negated=True), _connector="OR"
                ),
                name="obligation_entry_has_reasons",
            ),
        ),
        migrations.AddConstraint(
            model_name="obligationentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reading__isnull", False), models.Q(("kind", "reading"), _negated=True), _connector="OR"
                ),
                name="obligation_reading_which",
            ),
        ),
        migrations.AddConstraint(
            model_name="obligationentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("rule__isnull", False), models.Q(("kind", "rule"), _negated=True), _connector="OR"),
                name="obligation_rule_which",
            ),
        ),
        migrations.AddConstraint(
            model_name="obligationreminder",
            constraint=models.UniqueConstraint(
                fields=("obligation", "mark", "due_at"), name="obligation_reminder_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="substitutenotice",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("means", ""), _negated=True), models.Q(("reasons", ""), _negated=True)),
                name="substitute_notice_says_how_and_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="substitutenotice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("phone", ""), ("phone_from", None), ("phone_to", None)),
                    models.Q(
                        models.Q(("phone", ""), _negated=True),
                        ("phone_from__isnull", False),
                        ("phone_to__gte", models.F("phone_from")),
                    ),
                    _connector="OR",
                ),
                name="substitute_notice_phone_from_to",
            ),
        ),
        migrations.RunSQL(APPEND_ONLY, NOT_ANY_MORE),
    ]
