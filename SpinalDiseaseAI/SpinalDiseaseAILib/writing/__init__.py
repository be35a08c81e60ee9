"""Results on disk: report, table, markups, picture and page, all from a Study and its Report."""

from .outputs import FORMATS, SCENE_FILE, Results, Writer, check_folder, write_results

__all__ = ["FORMATS", "SCENE_FILE", "Results", "Writer", "check_folder", "write_results"]
