"""Every study has members that resolve; the process of a member fails and ends as it should."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from core import registry
from tests.conftest import ROOT, heed_interrupts
from tests.train.study.test_study import TINY
from train.fit import Job
from train.recipe.recipe import load
from train.study import definition, launch
from train.study.plan import StudyPlan


def test_the_issue_s_studies_are_there() -> None:
    wanted = {
        "fer_ablation": "fer_cnn_0 fer_cnn_a fer_cnn_b fer_cnn_c fer_cnn_b_plus "
        "fer_cnn_b_plus_plus",
        "fer_transfer": "fer_vgg16 fer_resnet50v2 fer_efficientnet_b0 fer_cnn_a",
        "fer_depth": "fer_cnn_b_plus fer_cnn_d fer_cnn_a",
        "fer_colour": "fer_cnn_grey fer_cnn_rgb",
        "mobileone_ten": "mobileone_s2_quick mobileone_s2 mobileone_s2_lr_3e-4 "
        "mobileone_s2_lr_3e-3 mobileone_s2_dropout_0 "
        "mobileone_s2_dropout_0.5 mobileone_s2_cosine mobileone_s2_adamw mobileone_s2_ema "
        "mobileone_s2_size_112",
        "more_data": "production_b0 production_b0_jaffe production_b0_kdef "
        "production_b0_oulu_casia production_b0_more",
        "production": "baseline_mobilenetv3 production_b0 production_b0_finetune "
        "production_mobilenetv3 production_vit_tiny production_b2",
        "agegendernet_phases": "agegendernet_utkface agegendernet_emotion_frozen "
        "agegendernet_alternating agegendernet_wiki agegendernet_emotion agegendernet_ffhq",
    }
    members = {name: " ".join(m.folder for m in definition.find(name).members) for name in wanted}
    assert members == wanted


@pytest.mark.parametrize("name", registry.names("train.studies"))
def test_a_study_s_members_resolve(name: str, tmp_path: Path) -> None:
    of = definition.find(name)
    folders = [m.folder for m in of.members]
    assert len(set(folders)) == len(folders)
    p = StudyPlan(name, of, tmp_path / "runs", epochs=3, sets=("amp=bf16",))
    for i, m in enumerate(of.members):
        recipe = p.recipe(m)
        assert (recipe.epochs, recipe.amp) == (3, "bf16")
        assert recipe.start == (
            str(tmp_path / "runs" / m.start) if m.start else load(m.recipe).start
        )
        assert m.start in ("", *folders[:i])  # what it begins with is trained before
        for figure in of.figures:
            assert (
                f"val_{figure}" not in recipe.expected or m.remark
            )  # a source's figure says what it was measured on


def test_a_start_inside_the_checkout_is_the_same_in_every_checkout() -> None:
    of = definition.find("agegendernet_phases")
    assert (
        StudyPlan("x", of, ROOT / "runs" / "study").recipe(of.members[1]).start
        == "runs/study/agegendernet_utkface"
    )


def test_a_member_s_own_process_says_why_it_failed() -> None:
    status, why = launch.call(Job("fer_cnn_0", ("optim.lrr=1",)))
    assert status == 2 and "did you mean 'lr'" in why


def test_an_interrupt_reaches_the_member_s_process(tmp_path: Path) -> None:
    job = Job("fer_cnn_0", TINY, out=tmp_path / "run", limit=96, epochs=100_000)
    script = "from train.study import launch\nlaunch.FORWARD_AFTER_S = 0.1\ntry:\n"
    script += f"    launch.call(launch.from_json({launch.to_json(job)!r}))"
    script += "\nexcept KeyboardInterrupt:\n    print('ended')"
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    parent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, text=True, preexec_fn=heed_interrupts, **quiet
    )
    try:
        until = time.monotonic() + 480
        while not (tmp_path / "run" / "history.parquet").is_file():
            assert time.monotonic() < until and parent.poll() is None
            time.sleep(0.1)
        (child,) = [
            int(p)
            for p in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        ]
        parent.send_signal(signal.SIGINT)  # to it alone: at a terminal both would hear it
        assert parent.communicate(timeout=120)[0].strip() == "ended"
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
    finally:
        with suppress(psutil.NoSuchProcess):  # else a failure leaves 100,000 epochs behind
            for process in psutil.Process(parent.pid).children(recursive=True):
                process.kill()
        parent.kill()
