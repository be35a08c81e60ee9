"""An untrusted model card shows text, loads no files and opens only web pages."""

import time

import pytest

from SpinalDiseaseAILib.models.bundle import CARD, list_bundles
from SpinalDiseaseAILib.panel.cardText import cardText


@pytest.mark.parametrize(
    "markdown",
    [
        "![x](//host/share/x.png)",
        "![x][ref]\n\n[ref]: file://host/share/x.png",
        '<img src="file://host/x.png">',
        "<IMG\nsrc='//host/x.png'>",
        "[run](file:///C:/Windows/System32/calc.exe)",
        "[run](\\\\host\\share\\x.exe)",
        "<file:///C:/x.exe>",
        "[run][r]\n\n[r]: file:///C:/x.exe",
        "[![x](//host/x.png)](//host/x.exe)",
    ],
)
def test_nothing_is_loaded_and_no_file_is_opened(panel_of, markdown):
    browser = panel_of().ui.cardTextBrowser
    browser.setMarkdown(cardText(markdown))
    shown = browser.toHtml()
    assert "<img" not in shown.lower() and "href=" not in shown.lower()


def test_links_to_web_pages_stay(panel_of):
    browser = panel_of().ui.cardTextBrowser
    browser.setMarkdown(cardText("See [SPIDER](https://zenodo.org/records/10159290), p < 0.05."))
    assert 'href="https://zenodo.org/records/10159290"' in browser.toHtml()
    assert "p < 0.05" in browser.plainText


@pytest.mark.parametrize("bundle", list_bundles(), ids=lambda bundle: bundle.name)
def test_the_products_own_cards_are_shown_completely(bundle):
    card = (bundle.folder / CARD).read_text(encoding="utf-8")
    assert "![" not in card
    kept = cardText(card)
    assert kept.count("](http") == card.count("](http") and kept.count("\n|") == card.count("\n|")


@pytest.mark.parametrize("part", ["<!--", "](", "[\n", "![", "<a", "[x]:\n"])
def test_a_card_made_to_block_the_window_is_shown_at_once(part):
    card = part * ((1 << 20) // len(part))
    start = time.process_time()
    cardText(card)
    assert time.process_time() - start < 3


def test_no_label_interprets_text_from_a_file_as_html(panel_of):
    ui = panel_of().ui
    for name in ("licenceLabel", "databaseLabel", "summaryLabel", "numberingLabel", "correctionsLabel", "setupLabel"):
        getattr(ui, name).text = '<img src="//host/x.png">'
        assert "PlainText" in str(getattr(ui, name).textFormat), name
