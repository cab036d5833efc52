"""The proof on anybody's own data: an open-set test, told in words, charts and pictures."""

from holotype.report.answers_page import Identified, answers_page, identified_page
from holotype.report.gallery_page import enrolled_page
from holotype.report.measure import measure, seen
from holotype.report.page import write_report
from holotype.report.proof import Proof, data_for, embed_all, prove
from holotype.report.status_page import status_page
from holotype.report.tables import HEADINGS, table
from holotype.report.words import summary

__all__ = [
    "HEADINGS",
    "Identified",
    "Proof",
    "answers_page",
    "data_for",
    "embed_all",
    "enrolled_page",
    "identified_page",
    "measure",
    "prove",
    "seen",
    "status_page",
    "summary",
    "table",
    "write_report",
]
