"""Tables as users have them, opened in Chromium: pages say what is in them, and none breaks.

A visitor uploads a table with odd labels, separators or names, and walks by page links, *back*,
*forward* and reloads. After each step the header, and a figure of the page, must be those of the
rows that the test has written.

    python -m tests.apps.studio.test_odd_tables SEED...    # a longer walk for each seed
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Browser, sync_playwright

from apps.studio import app
from core.errors import UserError
from evaluation.predictions import table
from evaluation.store import Store
from tests.apps.studio.conftest import predictions, studio
from tests.apps.studio.odd_tables import OddTable, odd_table
from tests.browsers import launch
from tests.evaluation import references

pytestmark = pytest.mark.browser

SEEDS, STEPS = (31, 104), 6
"""Of the suite, the same each time: text by several models, and labels like names of columns."""
LONG_STEPS = 25
SECONDS_PER_STEP = 90
OBSERVE = """() => {
    const main = document.querySelector("[data-testid=stMain]");
    const plot = main.querySelector(".js-plotly-plot");
    return {
        title: main.querySelector("h1")?.textContent ?? "",
        header: main.querySelector(".st-key-header")?.textContent ?? "",
        text: main.innerText.replace(/\\s+/g, " "),
        bars: (plot?.calcdata?.[0] ?? []).map(bar => bar.s),
        errors: [...main.querySelectorAll("[data-testid=stException], [data-testid=stAlert]")]
            .map(e => e.innerText).filter(text => /Traceback|Error|Exception/.test(text)),
        isRunning: !document.querySelector("[data-test-script-state=notRunning]"),
    };
}"""


class Visit:
    """One visitor with one odd table, and what must be shown."""

    def __init__(self, browser: Browser, url: str, odd: OddTable):
        self.odd, self.store = odd, Store.open([odd.path])
        self.random, self.steps = random.Random(odd.description), list[str]()
        self.titles = {name: module.TITLE for name, module in app.pages().items()}
        self.page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
        self.page.set_default_timeout(SECONDS_PER_STEP * 1000)
        self.dialogs, self.faults = list[str](), list[str]()
        self.page.on("dialog", lambda d: (self.dialogs.append(d.message), d.dismiss()))
        self.page.on("pageerror", lambda e: self.faults.append(str(e)))
        self.page.goto(f"{url}/own")
        self.page.set_input_files("input[type=file]", str(odd.path))
        self.page.get_by_test_id("stBaseButton-primary").click()
        self.page.wait_for_url("**table=**")
        self.history, self.at = ["own"], 0
        self.check("upload")

    def header(self) -> str:
        """What stands below the title, up to the time of deletion."""
        names, n = self.store.models, self.store.rows
        word = "model" if len(names) == 1 else f"{len(names)} models:"
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        separator = "; " if any("," in name for name in names) else ", "
        shown = separator.join(names[:3])
        return f"{self.odd.path.name}: {n:,} rows, {word} {shown}{more}."

    def figures(self, page: str) -> list[str]:
        """What the text of a page must contain, by what was written into the table."""
        odd, first = self.odd, self.first_model
        n, accuracy = odd.pred.shape[1], odd.accuracy(first)
        all_accuracies = [odd.accuracy(i) for i in range(len(odd.models))]
        ece = []
        if odd.top is not None:
            right = odd.true[first] == odd.pred[first]
            ece = [f"{100 * references.ece(odd.top[first], right):.1f} %"]
        return {
            "overview": all_accuracies if len(odd.models) <= 4 else [],
            "browse": [f"{n:,} samples"],
            "confusion": [f"{n:,} samples, accuracy {accuracy}"],
            "slices": [accuracy, f"n = {n:,}"],
            "confidence": ece,
            "dataset": [f"All {n:,} samples"],
            "sample": [f"1 of {n:,}"],
        }.get(page, [])

    @property
    def first_model(self) -> int:
        """Where the first model of the store stands in the table."""
        return self.odd.models.index(self.store.models[0]) if len(self.odd.models) > 1 else 0

    def problems(self) -> list[str]:
        """What the page does not say as it must."""
        name, observed = self.history[self.at], self.page.evaluate(OBSERVE)
        missing = [f for f in self.figures(name) if f not in observed["text"]]
        if name == "per_class":
            recalls = list(self.odd.recalls(self.first_model).values())
            drawn = [share for share in observed["bars"] if isinstance(share, float | int)]
            if not all(any(abs(r - share) < 1e-6 for share in drawn) for r in recalls):
                missing.append(f"recalls {recalls}, drawn {drawn}")
        checks = {
            f"title {self.titles[name]}, got {observed['title']}": observed["title"]
            == self.titles[name],
            f"header {self.header()}, got {observed['header']}": observed["header"].startswith(
                self.header()
            ),
            f"figures {missing}": not missing,
            f"no error, got {observed['errors']}": not observed["errors"],
            f"no dialog, got {self.dialogs}": not self.dialogs,
            f"no fault in the browser, got {self.faults}": not self.faults,
            "the page to be ready": not observed["isRunning"],
        }
        return [expected for expected, holds in checks.items() if not holds]

    def check(self, step: str) -> None:
        """Wait until the page says what it must."""
        self.steps.append(step)
        end = time.monotonic() + SECONDS_PER_STEP
        while (problems := self.problems()) and time.monotonic() < end:
            self.page.wait_for_timeout(50)
        assert not problems, f"expected {problems} after {self.steps}, {self.odd.description}"

    def step(self) -> None:
        """Take a random step."""
        moves = [self.follow] * 5 + [self.reload]
        moves += [self.back] * (self.at > 0) * 2 + [self.forward] * (
            self.at + 1 < len(self.history)
        )
        self.random.choice(moves)()

    def follow(self) -> None:
        """Go to another page that the sidebar offers."""
        links = self.page.get_by_test_id("stSidebar").get_by_test_id("stPageLink-NavLink")
        links.nth(1).wait_for()
        offered = links.all_text_contents()  # each begins with the icon's name
        others = {n: t for n, t in self.titles.items() if n != self.history[self.at]}
        names = [n for n, title in others.items() if any(text.endswith(title) for text in offered)]
        name = self.random.choice(names)
        links.filter(has_text=self.titles[name]).click()
        self.history[self.at + 1 :] = [name]
        self.at += 1
        self.check(f"to {name}")

    def back(self) -> None:
        """Go back in the browser's history."""
        self.page.go_back()
        self.at -= 1
        self.check("back")

    def forward(self) -> None:
        """Go forward in the browser's history."""
        self.page.go_forward()
        self.at += 1
        self.check("forward")

    def reload(self) -> None:
        """Load the page again."""
        self.page.reload()
        self.check("reload")


@contextmanager
def visits(folder: Path) -> Iterator[Callable[[int], Visit]]:
    """visit(seed): a visitor who has uploaded the odd table of a seed."""
    table.write(predictions(30, "a"), folder / "a.parquet")
    with studio(folder / "log", str(folder / "a.parquet")) as url, sync_playwright() as play:
        chromium = launch(play)
        yield lambda seed: Visit(chromium, url, odd_table(seed, folder))
        chromium.close()


def test_odd_tables_are_shown_as_they_are(tmp_path: Path) -> None:
    with visits(tmp_path) as visit:
        for seed in SEEDS:
            one = visit(seed)
            for _ in range(STEPS):
                one.step()
            one.page.context.close()


def test_odd_tables_are_opened(tmp_path: Path) -> None:
    """Without a browser: labels, rows and correct predictions are those that were written."""
    for seed in range(25):
        odd = odd_table(seed, tmp_path)
        try:
            store = Store.open([odd.path])
        except UserError as error:
            raise AssertionError(f"refused {odd.description}: {error}") from error
        [task] = store.tasks
        assert store.rows == odd.rows and set(store.labels(task)) <= set(odd.labels), (
            odd.description
        )
        assert (f"{task}_conf" in store.columns) == (odd.top is not None), odd.description
        correct = f"SELECT count(*) FROM t WHERE {task}_true = {task}_pred"
        assert store.sql(correct) == [((odd.true == odd.pred).sum(),)], odd.description


if __name__ == "__main__":
    with TemporaryDirectory() as folder, visits(Path(folder)) as visit:
        for seed in map(int, sys.argv[1:]):
            one = visit(seed)
            for _ in range(LONG_STEPS):
                one.step()
            one.page.context.close()
            print(f"{one.odd.description}: {len(one.steps)} steps", flush=True)
