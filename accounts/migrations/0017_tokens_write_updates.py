import django.contrib.postgres.fields
from django.db import migrations, models

CHOICES = [
    ("read:incidents", "Read incidents"),
    ("read:outcomes", "Read how far telling has come, in numbers"),
    ("write:updates", "Draft updates"),
    ("ask:publish", "Ask for a yes to publish"),
    ("write:affected", "Hand in affected accounts, and see what became of them"),
    ("confirm:affected", "Import what was handed in"),
    ("read:rejected", "Read what stood in rejected cells: addresses, names"),
    ("verify:steps", "Say that we checked a step: this key is revoked"),
    ("read:notices", "Read what one account was told, to show it in our own product"),
    ("open:notices", "Hand a signed-in customer of our product over to their notice"),
]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0016_emergencies")]

    operations = [
        migrations.AlterField(
            "apitoken",
            "scopes",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(choices=CHOICES, max_length=20), size=None
            ),
        ),
    ]
