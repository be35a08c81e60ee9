"""The card of a model as Markdown that contains only text, because a folder of models may be untrusted."""

from __future__ import annotations

import re

# No pattern searches the rest of the card again for each of its matches: that would block the window for minutes.
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"<(?=[a-zA-Z/!?])")
_PICTURE = re.compile(r"!(?=\[)")
_LINK = re.compile(r"\]\((?!https?://|#)[^)]*(?:\)|\Z)")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]]{1,999}\]:(?!\s*<?https?://).*$", re.MULTILINE)


def cardText(markdown: str) -> str:
    """A card without anything that opens files: on Windows, a picture's address on another computer gives away a password.

    :param markdown: the card as in its file.
    :returns: Markdown without HTML and pictures, with links to web pages only.
    """
    text = _COMMENT.sub("", markdown)
    for pattern, replacement in ((_TAG, "&lt;"), (_PICTURE, ""), (_LINK, "]"), (_REFERENCE, "")):
        text = pattern.sub(replacement, text)
    return text
