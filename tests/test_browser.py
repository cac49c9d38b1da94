"""The page of a report in a browser: what a reader does with it."""

import json
import shutil
import subprocess
from itertools import pairwise

import pytest

from tests.conftest import SMALL, python

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
QUIET += ["--disable-background-networking", "--disable-component-update"]

IN_RGB = """
const pen = document.createElement("canvas").getContext("2d");
pen.fillStyle = getComputedStyle(arguments[0]).fill;
pen.fillRect(0, 0, 1, 1);
return `rgb(${pen.getImageData(0, 0, 1, 1).data.slice(0, 3).join(", ")})`;"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver on this machine"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The report of a small sweep, with all figures, at its address."""
    folder = tmp_path_factory.mktemp("page") / "sweep"
    words = ("-m", *SMALL, "reg.dropout=0,0.5", "reg.l2=0,0.1", "seed=0,1,2", f"hydra.sweep.dir={folder}")
    subprocess.run(python("-m", "regab", "train", *words), check=True, capture_output=True)
    subprocess.run(python("-m", "regab", "report", str(folder)), check=True, capture_output=True)
    return (folder / "report.html").as_uri()


@pytest.fixture
def browser(tmp_path):
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for word in [*QUIET, f"--user-data-dir={tmp_path / 'profile'}"]:
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


def all_of(browser, selector):
    return browser.find_elements("css selector", selector)


def shown_rows(browser):
    return [row for row in all_of(browser, "#forest tr.variant") if row.is_displayed()]


def choose(browser, metric):
    script = "const m = arguments[0]; m.value = arguments[1]; m.dispatchEvent(new Event('change'))"
    browser.execute_script(script, browser.find_element("id", "metric"), metric)


def test_what_factors_do_stands_first_and_is_drawn(browser, page):
    browser.get(page)
    first = all_of(browser, "ul.verdicts li")[0]
    assert first.text.startswith(("dropout=0.5", "l2=0.1"))
    assert [section.get_attribute("id") for section in all_of(browser, "section")][:3] == [
        "verdicts", "factors", "interactions",
    ]  # fmt: skip
    assert {row.text for row in all_of(browser, "#factors .name")} == {"dropout=0.5", "l2=0.1"}
    assert len(all_of(browser, "#factors td.graphic circle")) == 2
    assert len(all_of(browser, "#interactions svg.chart path.mean")) == 2
    assert not browser.find_element("id", "responses").is_displayed()  # no factor has three numbers


def test_another_metric_changes_all_that_is_about_one(browser, page):
    parts = ["verdicts", "factors", "interactions", "variants", "note", "setting"]

    def shown():
        return {part: browser.find_element("css selector", f"[data-view={part}]").text for part in parts}

    browser.get(page)
    before, notice = shown(), browser.find_element("id", "other")
    assert not notice.is_displayed()
    choose(browser, "val_loss")
    after = shown()
    assert all(after[part] != before[part] for part in parts)
    assert "5 %" in notice.text
    assert browser.find_element("id", "series").get_attribute("value") == "val_loss"
    browser.find_element("id", "filter").send_keys("dropout.rate=0.5")
    assert len(shown_rows(browser)) == 2
    shown_rows(browser)[0].click()
    assert "regab train -m" in browser.find_element("css selector", "#forest tr.more:not([hidden])").text
    choose(browser, "test_accuracy")
    assert not notice.is_displayed()
    browser.find_element("id", "filter").clear()
    browser.find_element("id", "filter").send_keys(" ")
    assert shown() == before
    assert browser.get_log("browser") == []


def test_the_table_sorts_and_filters_and_shows_exact_numbers(browser, page):
    browser.get(page)
    button = browser.find_element("css selector", "#forest th[data-by=mean] button")
    for direction in (1, -1):
        button.click()
        means = [float(row.get_attribute("data-mean")) for row in shown_rows(browser)]
        assert means == sorted(means, reverse=direction < 0)
        assert len(set(means)) > 1
    browser.find_element("id", "filter").send_keys("dropout.rate=0.5 l2.strength=0.1")
    (row,) = shown_rows(browser)
    row.click()
    more = browser.find_element("css selector", "#forest tr.more:not([hidden])")
    assert "regab train -m" in more.text
    assert "p adjusted" in more.text


def test_runs_and_variants_are_switched_off_and_on(browser, page):
    browser.get(page)
    assert len(all_of(browser, "#plot .run")) == 12
    assert len(all_of(browser, "#plot .mean")) == 4
    before = all_of(browser, "#plot .mean")[0].get_attribute("d")
    chip = all_of(browser, "#legend .chip")[0]
    chip.click()
    assert chip.get_attribute("aria-pressed") == "false"
    assert len(all_of(browser, "#plot .run")) == 11
    assert all_of(browser, "#plot .mean")[0].get_attribute("d") != before
    all_of(browser, "#legend .toggle")[1].click()
    assert len(all_of(browser, "#plot .run")) == 8
    browser.find_element("id", "none").click()
    assert all_of(browser, "#plot path") == []
    browser.find_element("id", "all").click()
    assert len(all_of(browser, "#plot .run")) == 12


def test_a_run_that_stopped_early_is_within_the_panel(browser, page):
    browser.get(page)
    script = """const stopped = data.variants[0];
        for (const [index, variant] of data.variants.entries()) for (const run of variant.runs) {
            run.epoch = index ? [...Array(41).keys()] : [0, 1, 2];
            run.val_loss = run.epoch.map((epoch) => (index ? 0.1 : 2) + 1 / (epoch + 1));
        }
        byId("log").checked = false; plot();
        const box = byId("plot").querySelector("#inside rect").getBBox(), path = byId("plot").querySelector(".mean");
        return [box.y, path.getBBox().y]"""
    top, highest = browser.execute_script(script)
    assert highest >= top


def test_nothing_is_asked_of_anybody_and_no_script_fails(browser, page):
    browser.get(page)
    browser.find_element("id", "log").click()
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    asked = [each["request"]["url"] for each in requests if each["documentURL"] == page]  # not of chromium's own pages
    assert page in asked
    assert [url for url in asked if url != page and not url.startswith("data:")] == []
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_is_wider_than_the_window(browser, page, width):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page)
    for selector in ("html", ".scroll", ".panels", "#factors"):
        element = browser.find_element("css selector", selector)
        wide, shown = (browser.execute_script(f"return arguments[0].{of}Width", element) for of in ("scroll", "client"))
        assert wide <= shown <= width


def test_both_themes_have_letters_that_can_be_read(browser, page):
    for theme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": theme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.get(page)
        script = "const s = getComputedStyle(arguments[0]); return [s.color, s.backgroundColor]"
        letters, ground = (light(colour) for colour in browser.execute_script(script, all_of(browser, "section")[0]))
        assert (max(letters, ground) + 0.05) / (min(letters, ground) + 0.05) >= 7  # WCAG's AAA
        assert (ground > letters) == (theme == "light")
        for drawn in all_of(browser, "#forest .dot, #factors .dot"):
            shape = light(browser.execute_script(IN_RGB, drawn))
            assert (max(shape, ground) + 0.05) / (min(shape, ground) + 0.05) >= 3  # WCAG's 1.4.11


def test_on_paper_there_is_what_can_be_read_and_nothing_to_press(browser, page):
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    browser.get(page)
    assert [part for part in all_of(browser, "select, input, #legend .chip, #tip") if part.is_displayed()] == []
    for selector in ("ul.verdicts li", "#factors td.graphic svg", "#interactions svg.chart", "#plot"):
        assert browser.find_element("css selector", selector).is_displayed()
    assert len(browser.execute_cdp_cmd("Page.printToPDF", {})["data"]) > 20_000


@pytest.mark.parametrize("width", [718, 740])  # of A4 and of letter paper between chromium's margins
def test_paper_has_tables_and_not_what_is_for_a_phone(browser, page, width):
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page)
    for selector in ("#forest tr.variant", "#factors tr.variant"):
        assert browser.find_element("css selector", selector).value_of_css_property("display") == "table-row"
    whole = browser.find_element("css selector", "html")
    assert browser.execute_script("return arguments[0].scrollWidth", whole) <= width
    zero = "return getComputedStyle(arguments[0], '::after').printColorAdjust"
    assert browser.execute_script(zero, browser.find_element("css selector", "td.graphic")) == "exact"
    assert browser.find_element("css selector", "#forest thead button").value_of_css_property("display") == "contents"


def test_without_scripts_there_is_nothing_empty_and_nothing_dead(browser, page):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(page)
    shown = [section.get_attribute("id") for section in all_of(browser, "section") if section.is_displayed()]
    assert "responses" not in shown
    assert {"verdicts", "factors", "interactions", "effects", "curves"} <= {*shown}
    assert [part for part in all_of(browser, "select, input, .tools button, .press") if part.is_displayed()] == []
    assert "off in this browser" in browser.find_element("id", "curves").text


def test_curves_and_rows_are_read_with_keys_alone(browser, page):
    from selenium.webdriver.common.keys import Keys

    browser.get(page)
    plot, readout = (browser.find_element("id", name) for name in ("plot", "readout"))
    seen = []
    for key in (Keys.HOME, Keys.ARROW_RIGHT, Keys.END, Keys.ARROW_LEFT):
        plot.send_keys(key)
        seen.append(readout.text.partition(":")[0])
    assert seen[:2] == ["epoch 1", "epoch 2"]
    assert seen[2] != seen[3]
    assert "validation loss" in plot.get_attribute("aria-label")
    name = all_of(browser, "#forest tr.variant .show")[1]
    name.send_keys(Keys.ENTER)
    assert name.get_attribute("aria-expanded") == "true"
    assert "regab train -m" in browser.find_element("css selector", "#forest tr.more:not([hidden])").text


def test_who_listens_to_the_page_is_told_what_everything_is(browser, page):
    browser.get(page)
    levels = [int(heading.tag_name[1]) for heading in all_of(browser, "h1, h2, h3")]
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    for table in all_of(browser, "table"):
        assert table.find_elements("css selector", "thead th[scope=col]")
        for row in table.find_elements("css selector", "tbody tr:not(.more)"):
            assert row.find_elements("css selector", "th[scope=row]"), row.text
    for part in all_of(browser, "select, input, button, img, svg:not([aria-hidden])"):
        if part.is_displayed():
            assert part.accessible_name.strip(), part.get_attribute("outerHTML")[:200]
    assert len({chip.accessible_name for chip in all_of(browser, "#legend .chip")}) == 12


def test_a_single_epoch_is_seen(browser, tmp_path):
    words = ("-m", *(w for w in SMALL if not w.startswith("epochs")), "epochs=1", "reg.dropout=0,0.5", "seed=0,1")
    folder = tmp_path / "sweep"
    subprocess.run(python("-m", "regab", "train", *words, f"hydra.sweep.dir={folder}"), check=True, capture_output=True)
    browser.get((folder / "report.html").as_uri())
    inside = browser.find_element("id", "plot").rect
    dots = [dot.rect for dot in all_of(browser, "#plot .dot")]
    assert len(dots) == 2
    for dot in dots:
        assert inside["x"] + 20 < dot["x"] < inside["x"] + inside["width"] - 20


def light(colour):
    """The relative luminance of a colour as ``rgb(28, 33, 39)``, by WCAG 2."""
    parts = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
