"""summary.pdf: the same story on paper."""

import html
import io

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate

from notifications import letters

MARGIN = 18 * mm


def pdf(told: list[tuple[str, list[str]]]) -> bytes:
    """told: as verify_evidence.sections has it. The same story gives the same bytes."""
    letters.register_font()
    plain = ParagraphStyle("plain", fontName=letters.FONT, fontSize=8.5, leading=11.5)
    more = ParagraphStyle("more", plain, leftIndent=6 * mm)
    heading = ParagraphStyle("heading", plain, fontSize=10.5, leading=14, spaceBefore=3 * mm, spaceAfter=0.5 * mm)
    title = ParagraphStyle("title", heading, fontSize=14, leading=18)
    flow: list[Flowable] = []
    for number, (words, lines) in enumerate(told):
        flow.append(Paragraph(_escaped(words), heading if number else title))
        for line in lines or ["Nothing."]:
            if line.strip():
                flow.append(Paragraph(_escaped(line.strip()), more if line.startswith("    ") else plain))
    file = io.BytesIO()
    SimpleDocTemplate(
        file, pagesize=A4, invariant=1, title=told[0][0], leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN,
        bottomMargin=MARGIN,
    ).build(flow)  # fmt: skip
    return file.getvalue()


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)
