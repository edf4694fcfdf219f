"""Find copies, leaks between splits, wrong labels, drift and faulty pictures in a data set.

Each check is a file of evaluation/quality/checks. --fix writes a repair plan, one row for each
thing to do, to be edited by hand; --findings a file that the studio reviews and turns into a plan;
--apply writes a new data set by a plan, never in place. What was computed of a picture is cached,
so a second run reads changed files only.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from core import progress, system
from core.cli import add_trust
from core.errors import UserError
from core.terminal import printable
from core.vocabulary import count_of
from evaluation import engines
from evaluation.commands._options import add_options
from evaluation.report.formatting import console, print_json, print_table

if TYPE_CHECKING:
    from evaluation.quality.audit import AuditReport
    from evaluation.quality.dataset import AuditDataset

MAX_PRINTED_ISSUES = 5
"""Issues of each check that are printed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `audit`."""
    add_options(parser, "--dataset", required=False)
    add_options(parser, "--data", "--json", "--no-cache", "--engine", "--address")
    parser.add_argument(
        "--checks",
        metavar="A,B",
        help="only these checks, `all`, or with a leading + these besides the usual ones",
    )
    parser.add_argument(
        "--list", action="store_true", help="name the checks, their options and defaults, and stop"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="CHECK.OPTION=V",
        help="an option of a check; may be given again",
    )
    add_options(parser, "--limit", help="only the first N samples of each split")
    help_text = "model for embeddings (default: the shipped one)"
    add_options(parser, "--model", required=False, help=help_text)
    add_trust(parser)
    help_text = "write a repair plan: sample_id,action,value,reason,split,fingerprint"
    add_options(parser, "--fix", help=help_text)
    help_text = "also write the findings as one self-contained page, faces blurred"
    add_options(parser, "--html", help=help_text)
    parser.add_argument(
        "--findings",
        type=Path,
        metavar="F.parquet",
        help="write the findings for review: `python -m apps.studio --audit`",
    )
    add_options(parser, "--show-faces", help="--html: do not blur")
    parser.add_argument(
        "--apply",
        type=Path,
        metavar="plan.csv",
        help="do what an edited plan says instead of looking for faults",
    )
    help_text = "--apply: the new folder, with manifest.parquet"
    add_options(parser, "--out", required=False, metavar="DIR", help=help_text)
    add_options(
        parser,
        "--files",
        help="--apply: what lies beside the manifest: nothing, links to the pictures, or copies "
        "(default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """List the checks, apply a plan, or run the checks."""
    from evaluation.quality import audit, open_dataset  # OpenCV, ONNX Runtime: not for --help
    from evaluation.quality.repair.destination import require_writable

    if args.list:
        return _list(args.json)
    _check_arguments(args)
    for path in (args.fix, args.html, args.findings):
        if path is not None:
            require_writable(path)
    names = audit.select_checks(args.checks)
    with engines.start(args.engine, system.usable_processors(), args.address) as engine:
        dataset = open_dataset(
            args.dataset,
            args.data,
            limit=args.limit,
            options=audit.parse_options(args.set),
            cache=not args.no_cache,
            model=args.model,
            is_trusted=args.trust,
            engine=engine,
        )
        return _apply(args, dataset) if args.apply else _audit(args, dataset, names)


def _check_arguments(args: argparse.Namespace) -> None:
    """Refuse combinations that mean nothing."""
    if not args.dataset:
        raise UserError("Expected --dataset D --data DIR, got none; try --list for the checks.")
    writes_findings = args.fix or args.html or args.findings or args.checks or args.limit
    if bool(args.apply) != bool(args.out) or (args.apply and writes_findings):
        raise UserError(
            "Expected --apply plan.csv --out DIR without --fix, --html, --findings, --checks and "
            "--limit, got another mixture."
        )
    if args.show_faces and not args.html:
        raise UserError("Expected --html with --show-faces, got it alone; try --html R.html.")


def _audit(args: argparse.Namespace, dataset: AuditDataset, names: list[str]) -> int:
    from evaluation.quality import audit, audit_page
    from evaluation.quality.repair import plan, plan_file, review

    report = audit.run_audit(dataset, names)
    written: dict[str, object] = {}
    if args.fix:
        tables = {check.name: check.findings.table for check in report.checks}
        rows = plan.rows_from_findings(tables, dataset.fingerprint, dataset.samples.ids)
        plan_file.write_plan(rows, args.fix)
        written["plan"] = {"file": str(args.fix), "rows": len(rows)}
        progress.say(
            f"{args.fix}: a plan of {count_of(len(rows), 'row')}; edit it, then: "
            f"python -m evaluation audit ... --apply {args.fix} --out DIR"
        )
    if args.findings:
        n_issues = review.write_findings(args.findings, report, dataset, args.data)
        written["findings"] = {"file": str(args.findings), "issues": n_issues}
        progress.say(
            f"{args.findings}: {count_of(n_issues, 'finding')}; to review: "
            f"python -m apps.studio --audit {args.findings} --images {args.data}"
        )
    if args.html:
        page = audit_page.audit_page(report, dataset, blur=not args.show_faces)
        audit_page.write_audit_page(args.html, page)
    if args.json:
        print_json({**report.to_dict(), **written})
        return 0
    _print_report(report)
    if not args.checks:
        example = f"--checks +{report.not_run[0]}"
        print(f"Not run: {', '.join(report.not_run)}; try {example}, or --list.")
    return 0


def _apply(args: argparse.Namespace, dataset: AuditDataset) -> int:
    from evaluation.quality.repair import plan_file
    from evaluation.quality.repair.apply import apply_plan

    rows = plan_file.read_plan(args.apply, dataset)
    result = asdict(apply_plan(rows, dataset, args.out, args.files, data=args.data))
    if args.json:
        print_json(result)
    else:
        print(f"{args.out}: " + ", ".join(f"{name} {value}" for name, value in result.items()))
    return 0


def _list(as_json: bool) -> int:
    from evaluation.quality.audit import all_checks

    checks = all_checks().values()
    if as_json:
        rows = [
            {"name": c.name, "title": c.title, "default": c.by_default, "options": c.options}
            for c in checks
        ]
        print_json({"checks": rows})
        return 0
    for check in checks:
        options = " ".join(f"{name}={value}" for name, value in check.options.items())
        named = "" if check.by_default else " (only when named)"
        print(f"{check.name:18}{check.title}{named}{f': {options}' if options else ''}")
    return 0


def _print_report(report: AuditReport) -> None:
    """Print the report as text."""
    screen = console()
    sizes = ", ".join(f"{split} {n}" for split, n in report.split_sizes.items())
    screen.print(
        f"{_one_line(report.dataset)} in {_one_line(str(report.root))}: "
        f"{count_of(report.sample_count, 'sample')} ({sizes})",
        soft_wrap=True,
    )
    counts = ([c.title, str(c.issue_count), str(c.sample_count)] for c in report.checks)
    print_table(screen, "Findings", ["check", "issues", "samples"], counts)
    for check in report.checks:
        figures = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in check.plain_figures.items())
        if check.issue_count or figures:
            heading = f"{check.title} ({check.name})" + (f": {figures}" if figures else "")
            screen.print(heading, style="bold", soft_wrap=True)
        for issue in check.worst_issues(MAX_PRINTED_ISSUES):
            where = _one_line(issue.sample_id or issue.group or issue.split or "")
            line = f"  {issue.score:.2f}  {where}: {_one_line(issue.reason)}"
            screen.print(line, soft_wrap=True)
        if check.issue_count > MAX_PRINTED_ISSUES:
            screen.print(f"  ... and {check.issue_count - MAX_PRINTED_ISSUES} more")


def _one_line(text: str) -> str:
    """Return a name or a reason, whose line ends are written out too."""
    return printable(text, keep="")
