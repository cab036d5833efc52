"""The proof on anybody's own data: an open-set test, told in words, charts and pictures."""

from holotype.report.answers_page import Identified, identified_page, write_identified
from holotype.report.gallery_page import enrolled_page, write_enrolled
from holotype.report.measure import measure, seen
from holotype.report.page import write_report
from holotype.report.proof import Proof, data_for, embed_all, prove
from holotype.report.status_page import status_page, write_status
from holotype.report.tables import HEADINGS, table
from holotype.report.words import summary

__all__ = [
    "HEADINGS",
    "Identified",
    "Proof",
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
    "write_enrolled",
    "write_identified",
    "write_report",
    "write_status",
]
