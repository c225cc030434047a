"""Until now only POST /purchases and the short form took keys, and all in one scope."""

from django.db import migrations


def name_the_scope(apps, schema_editor):
    purchases = apps.get_model("tickets", "Purchase").objects.using(schema_editor.connection.alias)
    purchases.exclude(idempotency_key=None).update(request_scope="POST /purchases")


class Migration(migrations.Migration):
    dependencies = [("tickets", "0002_holds_cancellations_admissions")]

    operations = [migrations.RunPython(name_the_scope, migrations.RunPython.noop)]
