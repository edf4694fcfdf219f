"""The result of `bench` as tables: on a terminal, and in Markdown for the README."""

from __future__ import annotations

from typing import Any, TypeAlias

from rich.console import Console

from evaluation.report.formatting import print_table

BenchmarkResult: TypeAlias = dict[str, Any]
"""What `bench --json` prints, or a part of it; `run_benchmark` makes it."""
COLUMNS = (
    "network",
    "input",
    "parameters",
    "file, MB",
    "a face, 1 thread: p50 (p95), ms",
    "first after others",
    "2 threads",
    "a face of 4",
    "a face of 32",
    "frame, 1 face, ms",
    "frame, 5 faces, ms",
    "peak, MB",
    "start, s",
    "ours: times faster",
    "the same, first",
    "a frame",
)


def rows(result: BenchmarkResult) -> list[tuple[str, ...]]:
    """Return a row per network under COLUMNS, our models first; a dash where not measured.

    The last three columns compare with the first of our models.
    """
    first = result["models"][0]
    table_rows = []
    for entry in result["models"]:
        frames = {"1": entry["ms"]["total"], "5": entry["ms_of_five"]["total"]}
        table_rows.append(
            (f"{entry['name']}, {_precision(entry)}", *_figures(entry, frames), "", "", "")
        )
    for entry in result["references"]:
        key = entry["key"]
        ratios = (first["faster"][key], first["faster_first"][key], first["faster_frame"][key])
        table_rows.append(
            (
                f"{entry['title']}, {_precision(entry)}",
                *_figures(entry, entry["frames"]),
                *map(_ratio, ratios),
            )
        )
    return table_rows


def _figures(entry: BenchmarkResult, frames: dict[str, dict[str, float]]) -> tuple[str, ...]:
    nets, probe = entry["nets"], entry["alone"] or {}

    def ms(threads: str, batch: str) -> str:
        times = nets.get(threads, {}).get(batch)
        return "-" if times is None else f"{times['p50'] / int(batch):.2f}"

    peak, start = probe.get("peak_mb"), probe.get("cold_start_s")
    return (
        f"{entry['input']}x{entry['input']}x{entry['channels']}",
        "-" if entry["parameters"] is None else f"{entry['parameters'] / 1e6:.1f} M",
        f"{entry['bytes'] / 1e6:.1f}",
        f"{ms('1', '1')} ({nets['1']['1']['p95']:.2f})",
        f"{entry['first']['1']['p50']:.2f}",
        ms("2", "1"),
        ms("1", "4"),
        ms("1", "32"),
        f"{frames['1']['p50']:.1f} ({frames['1']['p95']:.1f})",
        f"{frames['5']['p50']:.1f} ({frames['5']['p95']:.1f})",
        "-" if peak is None else f"{peak:.0f}",
        "-" if start is None else f"{start:.2f}",
    )


def _precision(entry: BenchmarkResult) -> str:
    precision = str(entry["precision"])
    return "INT8" if precision == "int8" else precision


def _ratio(value: dict[str, float]) -> str:
    digits = 1 if value["value"] >= 1 else 2
    return f"{value['value']:.{digits}f} ({value['low']:.{digits}f} to {value['high']:.{digits}f})"


def _head(result: BenchmarkResult) -> str:
    machine = result["machine"]
    where = f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']:g} at the start"
    return f"{where}; {result['rounds']} rounds; {result['detector']}"


def markdown(result: BenchmarkResult) -> str:
    """Return the table with its conditions above it and the stages of our frame below."""
    lines = [
        f"`python -m evaluation bench --markdown`: {_head(result)}.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|---" * len(COLUMNS) + "|",
    ]
    lines += ["| " + " | ".join(row) + " |" for row in rows(result)]
    return "\n".join(
        [
            *lines,
            "",
            *map(_stages, result["models"]),
            *([result["left_out"]] if result["left_out"] else []),
        ]
    )


def _stages(entry: BenchmarkResult) -> str:
    def line(stages: BenchmarkResult) -> str:
        return ", ".join(f"{name} {value['p50']:.2f}" for name, value in stages.items())

    text = (
        f"{entry['name']}, one thread, ms: frame with one face {line(entry['ms'])}; "
        f"with five {line(entry['ms_of_five'])}."
    )
    if entry["demo"]:
        demo = entry["demo"]
        text += (
            f" From a cold start to the first reading of a picture {entry['startup_s']} s, "
            f"of the demo {demo['first_prediction_s']} s "
            f"({demo['prediction_processor_s']} processor seconds), to its page "
            f"{demo['first_page_s']} s ({demo['page_processor_s']}); "
            f"the demo then holds {demo['rss_mb']:.0f} MB."
        )
    return text


def show(result: BenchmarkResult, out: Console) -> None:
    """Print the networks side by side, then the stages of our frame, the demo and the metrics."""
    out.print(f"{_head(result)}; {result['frame']}")
    networks = rows(result)
    columns, *lines = zip(("", *COLUMNS[1:]), *networks, strict=True)
    print_table(out, "", columns, lines)
    for entry in result["models"]:
        out.print(_stages(entry))
    if result["metrics"]:
        metrics = result["metrics"]
        out.print(
            f"metrics: {metrics['rows']} rows, 8 probabilities, {metrics['clusters']} clusters; "
            "seconds of processor time"
        )
        steps = (
            [
                step["name"],
                f"{step['cpu_s']:.2f}",
                "-" if step["limit_s"] is None else f"{step['limit_s']:g}",
                f"{step['wall_s']:.2f}",
            ]
            for step in metrics["steps"]
        )
        print_table(out, "", ["metrics", "s", "limit, s", "wall, s"], steps)
