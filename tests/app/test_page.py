"""The page in a real browser: write, edit, check, and what a hostile module cannot do."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import needs

pytest.importorskip("fastapi", reason="the server is not installed: pip install -e '.[serve]'")
api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")

from tests.app.conftest import Server, serving  # noqa: E402

from rtlscribe.cli.demo import SENTENCE  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SCREENSHOTS = os.environ.get("RTLSCRIBE_SCREENSHOTS")
COUNTER = """module up_counter(
    input clk,
    input rst,
    input en,
    output reg [7:0] count
);
    // counts while en is high
    always @(posedge clk)
        if (rst) count <= 8'd0;
        else if (en) count <= count + 8'd1;
endmodule
"""
BROKEN = COUNTER.replace("count + 8'd1", "cuont + 8'd1")
HOSTILE = """module m(input \\<img/src=x/onerror=document.title=1> , input a, output y);
    // </pre><script>document.title = "taken"</script><img src=x onerror="document.title='taken'">
    assign y = ~a; wire w = "<img src=x onerror=document.title=1>" + nowhere_<b>;
endmodule
"""
# Keeps what the line of the verdict has said.
LISTENS = """it => {
    window.said = [];
    new MutationObserver((found) => found.forEach((one) => one.addedNodes.forEach((node) => said.push(node.data))))
        .observe(it, { childList: true });
}"""
TESTBENCH = """module testbench;
    reg clk = 0, rst = 1, en = 1; wire [7:0] count;
    up_counter dut(.clk(clk), .rst(rst), .en(en), .count(count));
    initial begin
        repeat (2) begin #5 clk = 1; #5 clk = 0; end
        rst = 0; #5 clk = 1; #5 if (count !== 1) $display("error: count is %0d", count); else $display("passed");
        $finish;
    end
endmodule
"""


@pytest.fixture(scope="module")
def server(folder: Path, script: Callable[..., str], icarus: str) -> Iterator[Server]:
    if not CHROMIUM:
        pytest.skip("there is no Chromium: apt-get install chromium")
    model = script([f"```verilog\n{BROKEN}```", f"```verilog\n{COUNTER}```"], "page.jsonl")
    with serving(folder, "--model", model, "--concurrency", "2") as running:
        yield running


@pytest.fixture(scope="module")
def browser(server: Server) -> Iterator[Any]:
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    """A page that has asked no one but this server, and has met no error."""
    context = browser.new_context(viewport={"width": 1200, "height": 860})
    page = context.new_page()
    page.set_default_timeout(60_000)
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{server.url}/")
    yield page
    context.close()
    assert errors == []
    assert all(url.startswith((server.url, "data:", "blob:")) for url in asked)


def _is(page: Any, text: str) -> None:
    api.expect(page.locator("#verdict")).to_have_text(text, timeout=60_000)


def _shoot(page: Any, name: str) -> None:
    """For the eyes, where RTLSCRIBE_SCREENSHOTS names a folder."""
    if SCREENSHOTS:
        page.screenshot(path=f"{SCREENSHOTS}/{name}.png", full_page=True)


def test_no_notice_where_a_model_is_named(page: Any) -> None:
    api.expect(page.locator("#model")).to_have_text("Model: rtlscribe")
    api.expect(page.locator("#notice")).to_be_empty()


def test_the_model_in_the_box_is_told_and_writes(browser: Any, tmp_path: Path) -> None:
    needs("xllamacpp")
    with serving(tmp_path) as server:
        page = browser.new_page()
        page.goto(f"{server.url}/")
        api.expect(page.locator("#notice")).to_contain_text("box:small writes, a very small model")
        page.locator("#verdict").evaluate(LISTENS)
        page.get_by_label("What to build").fill(SENTENCE)
        page.keyboard.press("Control+Enter")
        _is(page, "Passed all that was checked")
        said = page.evaluate("window.said")
        assert said[1:9] == [f"answer {n} drawn" for n in range(1, 9)]
        assert said[9].startswith("8 answers drawn; ")
        _shoot(page, "box")
        page.close()


def test_write_edit_and_check(page: Any) -> None:
    page.get_by_label("What to build").fill("an 8-bit up counter with enable")
    page.keyboard.press("Control+Enter")
    _is(page, "Passed all that was checked")
    code = page.locator("#code")
    assert code.input_value() == COUNTER
    shown = page.locator("#checks").inner_text()
    assert "not checked: there is no testbench" in shown
    assert page.locator("#shown .keyword", has_text="always").count() == 1
    assert page.locator("#interface text").all_text_contents() == ["up_counter", "clk", "rst", "en", "8", "count"]
    assert page.locator("#waves .trace").count() > 20
    assert page.locator("#waves .bus").count() > 5
    _shoot(page, "written")

    code.fill(BROKEN)
    _is(page, "edited, not checked yet")
    assert page.locator("#waves svg").count() == 0
    code.press("Control+Enter")
    _is(page, "Not passed")
    assert page.locator("#shown .line.error").count() == 1
    assert page.locator("#shown .line").nth(9).locator(".told").inner_text().startswith("use of undeclared")
    page.get_by_role("button", name="line 10: error").click()
    assert code.evaluate("it => it.value.slice(0, it.selectionStart).split('\\n').length") == 10
    _shoot(page, "broken")

    code.fill(COUNTER)
    page.get_by_text("What it has to fit").click()
    page.get_by_label("Testbench").fill(TESTBENCH)
    page.get_by_role("button", name="Check").click()
    _is(page, "Passed all that was checked")
    assert "simulation\npassed" in page.locator("#checks").inner_text()
    code.fill(COUNTER.replace("8'd1", "8'd2"))
    page.get_by_role("button", name="Check").click()
    _is(page, "Not passed")
    assert "error: count is 2" in page.locator("#checks").inner_text()


def test_repairs_are_told_and_changes_asked_for(page: Any) -> None:
    page.get_by_label("What to build").fill("a counter")
    assert page.locator("#change").is_disabled()
    page.locator("#verdict").evaluate(LISTENS)
    page.get_by_role("button", name="Write").click()
    _is(page, "Passed all that was checked")
    wrong = "not passed: syntax (syntax_error)"
    assert page.evaluate("window.said")[:5] == ["writing ...", "answer 1 drawn", wrong, "answer 2 drawn", "checked"]
    page.get_by_label("What to build").fill("with a synchronous load")
    page.get_by_role("button", name="Change the code so").click()
    api.expect(page.locator("#verdict")).not_to_have_text("Passed all that was checked")
    _is(page, "Passed all that was checked")


def test_download(page: Any) -> None:
    page.locator("#code").fill(COUNTER)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "up_counter.v"
    assert Path(download.value.path()).read_text() == COUNTER


def test_a_hostile_module_does_no_harm(page: Any) -> None:
    title = page.title()
    page.locator("#code").fill(HOSTILE)
    page.get_by_role("button", name="Check").click()
    _is(page, "Not passed")
    page.locator("#code").fill(HOSTILE.split("wire w")[0] + "\nendmodule\n")
    page.get_by_role("button", name="Check").click()
    _is(page, "Passed all that was checked")
    assert "<img/src=x" in (page.locator("#interface").text_content() or "")
    assert page.title() == title
    assert page.locator("img, pre script").count() == 0


def test_on_a_phone_and_in_the_dark(browser: Any, server: Server) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{server.url}/")
    page.locator("#code").fill(COUNTER)
    page.get_by_role("button", name="Check").click()
    _is(page, "Passed all that was checked")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(int(part) for part in background.removeprefix("rgb(").removesuffix(")").split(",")) < 150
    _shoot(page, "phone")
    context.close()


def test_with_a_key(browser: Any, tmp_path: Path, script: Callable[..., str]) -> None:
    with serving(tmp_path, "--model", script([COUNTER], "key.jsonl"), RTLSCRIBE_SERVER_KEY="k") as server:
        page = browser.new_page()
        page.goto(f"{server.url}/")
        page.get_by_label("API key").fill("k")
        page.get_by_label("What to build").fill("a counter")
        page.get_by_role("button", name="Write").click()
        _is(page, "Passed all that was checked")
        page.close()
