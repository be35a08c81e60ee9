"""The card of a model as Markdown that shows text alone: a folder of models may come from a stranger."""

from __future__ import annotations

import re

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"<(?=[a-zA-Z/!?])")
_PICTURE = re.compile(r"!(?=\[)")
_LINK = re.compile(r"\]\((?!https?://|#)[^)]*\)")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:(?!\s*<?https?://).*$", re.MULTILINE)


def cardText(markdown: str) -> str:
    """A card without what loads or opens files: on Windows the address of a picture on another computer hands over a password.

    :param markdown: the card as it is in its file.
    :returns: Markdown without HTML and pictures, whose links lead to web pages alone.
    """
    text = _COMMENT.sub("", markdown)
    for pattern, replacement in ((_TAG, "&lt;"), (_PICTURE, ""), (_LINK, "]"), (_REFERENCE, "")):
        text = pattern.sub(replacement, text)
    return text
