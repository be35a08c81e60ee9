"""Analyses of whole archives: every study is analysed once, and a manifest says what was done with each."""
