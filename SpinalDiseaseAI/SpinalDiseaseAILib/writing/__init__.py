"""Results on disk: report, table, markups, picture and page, all from a Study and its Report."""

from .outputs import FORMATS, REPORT_FILE, SCENE_FILE, Results, Writer, check_folder, is_result, remove_results, write_results

__all__ = [
    "FORMATS",
    "REPORT_FILE",
    "SCENE_FILE",
    "Results",
    "Writer",
    "check_folder",
    "is_result",
    "remove_results",
    "write_results",
]
