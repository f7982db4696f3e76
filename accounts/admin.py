"""The Django admin: reference data, and tables to look at. Acts belong into the staff room, where they are audited.

Who may do what comes from the staff room's own permissions; Django's view/add/change/delete are given to nobody.
"""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.validators import validate_email
from django.db import models
from django.db.models import Model
from django.http import HttpRequest

from accounts import audit
from accounts.models import (
    Account,
    Address,
    Anchor,
    ApiToken,
    Approval,
    AuditEntry,
    Organisation,
    OrganisationChange,
    SigningKey,
    SignOff,
    User,
)


class LookOnly(admin.ModelAdmin):
    """A table to read: nothing is added, changed or deleted here."""

    may_look = "read_room"
    list_per_page = 50
    show_full_result_count = False
    actions = None

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_active and request.user.has_perm(f"accounts.{self.may_look}")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class LookAtPeople(LookOnly):
    """Tables that name people: for those who may take people out of the house anyway."""

    may_look = "export"


class ReferenceData(LookAtPeople):
    """Rows an administrator may add and change; each change is in the log, by the names of the fields."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("accounts.administer")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("accounts.administer")

    def save_model(self, request: HttpRequest, obj: Model, form, change: bool) -> None:
        super().save_model(request, obj, form, change)
        act = f"{obj._meta.model_name}.{'changed' if change else 'added'}"
        audit.record(act=act, thing=obj, by=request.user, fields=form.changed_data)  # type: ignore[arg-type]

    def log_addition(self, request: HttpRequest, obj: Model, message: object) -> None:  # type: ignore[override]
        """Not into Django's own log: it repeats names and addresses."""

    log_change = log_addition  # type: ignore[assignment]


@admin.register(User)
class UserAdmin(LookOnly):
    may_look = "administer"
    list_display = ("email", "name", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active", "groups")
    search_fields = ("email", "name")
    exclude = ("password", "user_permissions")


@admin.register(ApiToken)
class ApiTokenAdmin(LookOnly):
    list_display = ("name", "public_id", "scopes", "incident", "created_by", "expires_at", "revoked_at", "last_used_at")


@admin.register(OrganisationChange)
class OrganisationChangeAdmin(LookOnly):
    list_display = ("pk", "asked_by", "asked_at", "done_at")


@admin.register(Organisation)
class OrganisationAdmin(LookOnly):
    list_display = ("name", "domain", "sign_offs")


class AddressesOfAccount(admin.TabularInline):
    """To read beside the account; an address is changed on a page of its own."""

    model = Address
    fields = readonly_fields = ("kind", "role", "value", "trusted", "withdrawn_at")
    can_delete = False
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("accounts.export")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    has_change_permission = has_add_permission


@admin.register(Account)
class AccountAdmin(ReferenceData):
    list_display = ("external_id", "kind", "name", "locale", "jurisdiction")
    list_filter = ("kind",)
    search_fields = ("external_id__exact",)
    inlines = (AddressesOfAccount,)


class AddressForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        value, kind, account = (cleaned.get(name) for name in ("value", "kind", "account"))
        if value and kind == Address.Kind.EMAIL:
            try:
                validate_email(value)
            except forms.ValidationError as problem:
                self.add_error("value", problem)
        if not (value and kind and account):
            return cleaned
        if account.addresses.filter(kind=kind, normal=Address.normal_of(value, kind)).exists():
            self.add_error("value", "This account has that address already.")
        return cleaned


@admin.register(Address)
class AddressAdmin(ReferenceData):
    """What an address says never changes: approvals, links and evidence rest on it. Withdraw it, and add another."""

    form = AddressForm
    list_display = ("value", "kind", "role", "account", "trusted", "withdrawn_at")
    list_filter = ("kind", "role", "trusted")
    list_select_related = ("account",)
    search_fields = ("normal__exact",)
    raw_id_fields = ("account",)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("account", "kind", "value") if obj else ()


@admin.register(Approval)
class ApprovalAdmin(LookOnly):
    list_display = ("pk", "act", "thing", "state", "asked_by", "asked_at")
    list_filter = ("act",)
    list_select_related = ("asked_by",)


@admin.register(SignOff)
class SignOffAdmin(LookOnly):
    list_display = ("approval", "by", "yes", "at")
    list_select_related = ("approval", "by")


@admin.register(AuditEntry)
class AuditEntryAdmin(LookOnly):
    list_display = ("number", "at", "by", "act", "thing")
    list_filter = ("act",)
    list_select_related = ("by",)
    date_hierarchy = None


def look_only(names: Iterable[type[models.Model]], *, base: type[LookOnly] = LookOnly) -> None:
    """Register tables to look at, each with the plain columns it has."""
    for model in names:
        plain = [
            field.name
            for field in model._meta.concrete_fields
            if not isinstance(field, models.TextField | models.JSONField | models.BinaryField | models.ForeignKey)
        ]
        admin.site.register(model, type(f"{model.__name__}Admin", (base,), {"list_display": plain[:6]}))


look_only([SigningKey, Anchor])
