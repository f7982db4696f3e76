from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_rules_of_the_house"),
    ]

    operations = [
        migrations.AddField(
            model_name="organisation",
            name="single_sign_on",
            field=models.BooleanField(default=True, help_text="Whether the provider of the settings, if there is one, opens the staff room"),
        ),
    ]
