"""What the pages of one import say of approval and undoing."""

from django import template

from incidents.audience import approving
from incidents.audience.comparing import Comparison
from incidents.forms.affected_changes import EvidenceForm
from incidents.models import ImportBatch

register = template.Library()


@register.simple_tag
def import_gate(batch: ImportBatch, comparison: Comparison) -> approving.Gate:
    """Whether it can be imported, and what it lacks."""
    return approving.gate(batch, comparison)


@register.simple_tag
def evidence_form(batch: ImportBatch) -> EvidenceForm:
    return EvidenceForm(initial={"evidence": batch.evidence}, label_suffix="")
