"""Which role may do what. The groups are made after every migrate, so that a flush cannot lose them."""

ROLES: dict[str, tuple[str, ...]] = {
    "Writer": ("read_room", "write"),
    "Approver": ("read_room", "write", "approve", "send"),
    "Administrator": (
        "read_room",
        "write",
        "approve",
        "send",
        "decide",
        "look_up_person",
        "export",
        "administer",
    ),
    "Auditor": ("read_room", "export"),
    "Counsel": ("read_room", "approve", "decide", "export"),
    "Support": ("look_up_person",),
}

# What a token of the API may do, and which permission its maker must hold for it at the moment of the call.
SCOPES: dict[str, str] = {
    "read:incidents": "read_room",
    "read:outcomes": "read_room",
    "write:updates": "write",
    "ask:publish": "write",
    "write:affected": "write",
    "confirm:affected": "write",
    "read:rejected": "read_room",
    "verify:steps": "write",
    "read:notices": "look_up_person",
    "open:notices": "look_up_person",
}


def make_groups(sender=None, using: str = "default", **kwargs) -> None:
    """Bring the six groups and their permissions in line with ROLES (post_migrate)."""
    from django.contrib.auth.management import create_permissions
    from django.contrib.auth.models import Group, Permission

    create_permissions(sender, verbosity=0, using=using)
    permissions = {
        permission.codename: permission
        for permission in Permission.objects.using(using).filter(content_type__app_label="accounts")
    }
    for role, codenames in ROLES.items():
        group, _ = Group.objects.using(using).get_or_create(name=role)
        group.permissions.set([permissions[codename] for codename in codenames])
