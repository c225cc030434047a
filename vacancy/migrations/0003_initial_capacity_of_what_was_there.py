"""What was there before began with what it has, less what the ledger says was added since."""

from django.db import migrations
from django.db.models import Sum


def work_it_out(apps, schema_editor):
    vacancies = apps.get_model("vacancy", "Vacancy").objects.using(schema_editor.connection.alias)
    for vacancy in vacancies.annotate(added=Sum("movements__qty")):
        vacancy.initial_capacity = vacancy.capacity - (vacancy.added or 0)
        vacancy.save(update_fields=["initial_capacity"])


class Migration(migrations.Migration):
    dependencies = [("vacancy", "0002_ledger_of_everything_but_sales")]

    operations = [migrations.RunPython(work_it_out, migrations.RunPython.noop)]
