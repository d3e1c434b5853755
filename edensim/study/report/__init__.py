"""A run or a sweep as one static HTML file that needs no server and no network and executes nothing."""

from edensim.study.report.write import report_bytes, write_report

__all__ = ["report_bytes", "write_report"]
