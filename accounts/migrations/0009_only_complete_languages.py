from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0008_languages_of_public_pages'),
    ]

    operations = [
        migrations.AddField(
            model_name='organisation',
            name='only_complete_languages',
            field=models.BooleanField(default=False, help_text='A page stands in another language only once every text of it is translated'),
        ),
    ]
