"""Make the roles; `ticketsite.roles` gives them their permissions right after."""

from django.db import migrations

ROLES = ("Viewer", "Stock keeper", "Engineer")


def make(apps, schema_editor):
    groups = apps.get_model("auth", "Group").objects
    for name in ROLES:
        groups.get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies = [("auth", "0012_alter_user_first_name_max_length")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
