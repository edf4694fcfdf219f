"""A random walk of a visitor through the studio, and the record of what must be shown."""

from __future__ import annotations

import random
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, TimeoutError

from apps.studio import app
from core.vocabulary import task_title
from evaluation.store import Store, Where

SECONDS_PER_STEP = 20
UPLOADED = "own rows.parquet"
FILTERS = {"splits": "Split", "g.race": "race"}
"""Name in the URL -> label of the filters with several values."""
OBSERVE = """() => {
    const side = document.querySelector("[data-testid=stSidebar]") ?? document;
    const text = node => node ? node.textContent.trim() : "";
    const chosen = {};
    for (const group of side.querySelectorAll("[role=radiogroup]"))
        chosen[group.ariaLabel] = text(group.querySelector("[aria-checked=true]"));
    for (const box of side.querySelectorAll("[data-testid=stMultiSelect]")) {
        const tags = box.querySelectorAll("[data-tag] span[title]");
        chosen[text(box.querySelector("label"))] = [...new Set([...tags].map(tag => tag.title))];
    }
    for (const input of side.querySelectorAll("[data-testid=stSelectbox] input"))
        chosen[input.ariaLabel] = input.value;
    return {
        title: text(document.querySelector("h1")),
        header: text(document.querySelector(".st-key-header")).split(". ")[0].replace(/\\.$/, ""),
        chosen,
        url: location.href,
        isRunning: !document.querySelector("[data-test-script-state=notRunning]"),
    };
}"""


@dataclass(frozen=True)
class State:
    """What a visitor has selected; empty is the default."""

    page: str = "overview"
    table: str = ""
    is_opened: bool = False
    task: str = ""
    models: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    race: tuple[str, ...] = ()
    right: str = "any"

    def task_of(self, store: Store) -> str:
        """The task that is shown: the first of the table where it lacks the selected one."""
        return self.task if self.task in store.tasks else store.tasks[0]

    def where(self, store: Store) -> Where:
        """The rows that pass."""
        where = Where(task=self.task_of(store), models=self.models, splits=self.splits)
        return where.group("race", *self.race).but(
            correct=None if self.right == "any" else self.right == "right"
        )

    def query(self, upload_id: str) -> dict[str, list[str]]:
        """The URL's parameters."""
        values = {
            "table": [upload_id] if self.table else [],
            "own": [upload_id] if self.is_opened else [],
            "task": [self.task] if self.task else [],
            "models": list(self.models),
            "splits": list(self.splits),
            "g.race": list(self.race),
            "right": [self.right] if self.right != "any" else [],
        }
        return {name: value for name, value in values.items() if value}


class Walk:
    """One walk: the visitor's browser, and the record of what must be shown."""

    def __init__(self, browser, url: str, folder: Path, stores: dict[str, Store], seed: int):
        self.browser, self.url, self.stores = browser, url, stores
        self.random, self.steps = random.Random(seed), list[str]()
        self.titles = {name: module.TITLE for name, module in app.pages().items()}
        self.page = self.visitor(url + "/own")
        self.history, self.at, self.upload_id = [State("own")], 0, ""
        self.check("start")
        self.page.set_input_files("input[type=file]", str(folder / UPLOADED))
        open_button = self.page.get_by_test_id("stBaseButton-primary")
        open_button.click()
        self.page.wait_for_url("**table=**")
        self.upload_id = parse_qs(urlsplit(self.page.url).query)["table"][0]
        self.push("upload", table=UPLOADED, is_opened=True)

    def visitor(self, url: str) -> Page:
        """A browser of its own."""
        page = self.browser.new_context(viewport={"width": 1400, "height": 1400}).new_page()
        page.set_default_timeout(SECONDS_PER_STEP * 1000)
        page.goto(url)
        return page

    @property
    def state(self) -> State:
        return self.history[self.at]

    @property
    def title(self) -> str:
        return self.titles[self.state.page]

    @property
    def store(self) -> Store:
        return self.stores[self.state.table]

    def push(self, step: str, **changes) -> None:
        """Record a new entry of the browser's history, and check it."""
        self.history[self.at + 1 :] = [replace(self.state, **changes)]
        self.at += 1
        self.check(step)

    def expected(self) -> dict:
        """What the page must say."""
        state, store = self.state, self.store
        n, models = store.count(state.where(store)), state.models or store.models
        rows = f"{n} of {store.rows}" if n < store.rows else f"{n}"
        word = "model" if len(models) == 1 else f"{len(models)} models:"
        chosen: dict[str, object] = {
            "Task": task_title(state.task_of(store)).title,
            "Split": list(state.splits),
            "race": list(state.race),
            "Prediction": state.right,
        }
        if len(store.models) > 1:
            chosen["Models"] = list(state.models)
        if state.is_opened:
            chosen["Table"] = state.table or "a, b"
        return {
            "title": self.title,
            "header": f"{state.table or 'a, b'}: {rows} rows, {word} {', '.join(models)}",
            "chosen": chosen,
            "query": state.query(self.upload_id),
            "path": "" if state.page == "overview" else state.page,
        }

    def observed(self) -> dict:
        """What the page says, of what is expected."""
        observation = self.page.evaluate(OBSERVE)
        names = ("Table", "Task", "Models", "Prediction", *FILTERS.values())
        url = urlsplit(observation["url"])
        return {
            "title": observation["title"],
            "header": observation["header"],
            "chosen": {k: v for k, v in observation["chosen"].items() if k in names},
            "query": parse_qs(url.query),
            "path": url.path.strip("/"),
            **({"running": True} if observation["isRunning"] else {}),
        }

    def check(self, step: str) -> None:
        """Wait until the page says what it must, and see that it goes on saying so."""
        self.steps.append(step)
        end = time.monotonic() + SECONDS_PER_STEP
        expected = self.expected()
        while (observed := self.observed()) != expected and time.monotonic() < end:
            self.page.wait_for_timeout(50)
        assert observed.get("running") is None, f"still running after {self.steps}"
        self.page.wait_for_timeout(100)
        observed = self.observed()
        observed.pop("running", None)  # the page may be drawn once more, and say the same
        different = {k: (v, observed[k]) for k, v in expected.items() if observed[k] != v}
        assert observed == expected, f"expected, observed: {different}, after {self.steps}"
        assert not self.page.get_by_test_id("stException").count(), f"after {self.steps}"

    def step(self) -> None:
        """Take a random step."""
        moves = [self.follow] * 4 + [self.choose_task, self.choose_right, self.choose_table]
        moves += [self.toggle_filter] * 2 + [self.toggle_model, self.reload, self.share]
        moves += [self.back] * (self.at > 0) * 3
        moves += [self.forward] * (self.at + 1 < len(self.history)) * 2
        self.random.choice(moves)()

    def follow(self) -> None:
        links = self.page.get_by_test_id("stSidebar").get_by_test_id("stPageLink-NavLink")
        links.first.wait_for()
        shown = [text for text in links.all_text_contents() if not text.endswith(self.title)]
        text = self.random.choice(shown)
        name, title = next(item for item in self.titles.items() if text.endswith(item[1]))
        links.filter(has_text=title).click()
        self.push(f"to {name}", page=name)

    def back(self) -> None:
        self.page.go_back()
        self.at -= 1
        self.check("back")

    def forward(self) -> None:
        self.page.go_forward()
        self.at += 1
        self.check("forward")

    def reload(self) -> None:
        self.page.reload()
        self.check("reload")

    def share(self) -> None:
        """A second visitor opens the link and walks on."""
        first, self.page = self.page, self.visitor(self.page.url)
        first.context.close()
        self.history, self.at = [self.state], 0
        self.check("share")

    def choose_table(self) -> None:
        """Choose the other table: the task stays where the table has it, all else goes."""
        if self.state.is_opened:
            new = "" if self.state.table else UPLOADED
            self.option("Table", new or "a, b")
            kept = State(self.state.page, new, is_opened=True, task=self.state.task)
            self.push(f"table {new or 'a, b'}", **asdict(kept))

    def option(self, label: str, text: str) -> None:
        """Choose an option of a list."""
        side = self.page.get_by_test_id("stSidebar")
        self.page.keyboard.press("Escape")  # a list that is still open would be closed by the click
        box = side.get_by_role("combobox", name=label, exact=True)
        option = self.page.get_by_role("option", name=text, exact=True)
        for _ in range(3):  # a page that is still drawn closes a list that was opened meanwhile
            box.click()
            try:
                option.click(timeout=1000 * SECONDS_PER_STEP / 4)
                return
            except TimeoutError:
                self.page.keyboard.press("Escape")
        raise AssertionError(f"expected the option {text} of {label} after {self.steps}")

    def segment(self, label: str, text: str) -> None:
        group = self.page.get_by_test_id("stSidebar").get_by_role("radiogroup", name=label)
        group.get_by_text(text, exact=True).click()

    def choose_task(self) -> None:
        tasks, shown = self.store.tasks, self.state.task_of(self.store)
        task = self.random.choice([t for t in tasks if t != shown])
        self.option("Task", task_title(task).title)
        self.push(f"task {task}", task="" if task == tasks[0] else task)

    def open_filters(self) -> None:
        details = self.page.get_by_test_id("stSidebar").locator("details")
        if details.get_attribute("open") is None:
            details.locator("summary").click()

    def choose_right(self) -> None:
        self.open_filters()
        right = self.random.choice([r for r in ("any", "right", "wrong") if r != self.state.right])
        self.segment("Prediction", right)
        self.push(f"prediction {right}", right=right)

    def toggle(self, label: str, field: str, options: tuple[str, ...]) -> None:
        """Add a value, or remove one."""
        values = getattr(self.state, field)
        value = self.random.choice(options)
        if value in values:
            box = self.page.get_by_test_id("stMultiSelect").filter(has_text=label)
            box.get_by_role("button", name=f"Remove {value}", exact=True).last.click()
            values = tuple(v for v in values if v != value)
        else:
            self.option(label, value)
            self.page.keyboard.press("Escape")
            values = (*values, value)
        self.push(f"{label} {value}", **{field: values})

    def toggle_filter(self) -> None:
        self.open_filters()
        name = self.random.choice(list(FILTERS))
        options = self.store.splits if name == "splits" else self.store.groups["race"]
        self.toggle(FILTERS[name], name.removeprefix("g."), options)

    def toggle_model(self) -> None:
        if len(self.store.models) > 1:
            self.toggle("Models", "models", self.store.models)
