from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0015_states_in_no_index_of_rows")]

    operations = [
        migrations.AddIndex(
            model_name="deliveryevent",
            index=models.Index(
                condition=models.Q(("type", "soft_bounced")), fields=["recipient"], name="delivery_event_soft"
            ),
        ),
    ]
