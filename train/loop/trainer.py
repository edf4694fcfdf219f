"""The loop: masked losses of several heads, one checkpoint an epoch, exact resume.

All randomness of an epoch (order, augmentation, dropout) follows from (seed, epoch), so an epoch
that was interrupted is simply run again from the last checkpoint and ends at the same weights.
"""

from __future__ import annotations

import json
import math
import resource
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from time import monotonic, process_time
from typing import Any

import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from torch import Tensor, nn

import core.models.base.torchvision_compat  # noqa: F401 - defines operators before timm is imported
from core import progress, registry
from core.errors import UserError
from evaluation.training_runs.run_folder import (
    BEST_CHECKPOINT,
    HISTORY,
    LAST_CHECKPOINT,
    RECIPE,
)
from train.batches.collate import TrainingBatch, collate, prefetch
from train.batches.data import DatasetPart
from train.batches.pool import TEACHER_PREFIX, SamplePool, gather
from train.batches.sampling import batches
from train.loop import distill, distributed
from train.loop.initialize import initialize
from train.loop.optim import build_optimizer, l2_penalty
from train.loop.schedule import Scheduler
from train.loop.validate import batch_metric, validate
from train.losses import masked_mean
from train.network.build import build_network, count_parameters
from train.network.freeze import freeze
from train.recipe.recipe import Recipe, from_dict
from train.runs import checkpoint, summary
from train.runs.facts import record_facts
from train.runs.status import differing_fields
from train.runs.writing import write_file

from timm.utils import ModelEmaV3  # isort: skip


class Trainer:
    """One training run in one folder. `train()` may be interrupted at any moment and called again
    with `resume`.
    """

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.recipe, self.folder = recipe, folder
        self.folder.mkdir(parents=True, exist_ok=True)
        # Accelerate owns the device, mixed precision, gradient scaling, and the gradients' mean
        # over several processes.
        wakes = bool(recipe.freeze.parts and recipe.freeze.epochs)
        together = DistributedDataParallelKwargs(find_unused_parameters=wakes)
        try:
            self.accelerator = Accelerator(
                mixed_precision=recipe.amp,
                gradient_accumulation_steps=recipe.accumulation,
                kwargs_handlers=[together],
            )
        except ValueError as error:
            raise UserError(
                f"Expected this machine to compute in {recipe.amp}, got: {error} Try --set amp=bf16 or amp=no."
            ) from error
        torch.manual_seed(recipe.seed)
        resuming = (folder / LAST_CHECKPOINT).is_file()
        plain = (
            initialize(recipe) if distributed.is_main() and not resuming else build_network(recipe)
        )  # the others get the first one's weights
        self.layout = memory_layout(plain)
        plain.to(memory_format=self.layout)  # type: ignore[call-overload]
        plain.requires_grad_(
            True
        )  # frozen parts may wake up later, so the optimiser knows them too
        optim = build_optimizer(plain, recipe.optim)
        if (
            not wakes
        ):  # else all processes must exchange the gradients of the frozen parts too, later
            freeze(plain, recipe.freeze)
        self.model, self.optim = self.accelerator.prepare(plain, optim)
        if (
            distributed.world_size() > 1
            # after the start, which sends the first one's: each keeps the same running statistics of
            # all shares
        ):
            self.model.forward_sync_buffers = False
        freeze(plain, recipe.freeze)
        self.schedule = Scheduler(recipe.schedule, recipe.optim.lr, optim)
        self.plain: nn.Module = plain
        compiled = (
            recipe.compile and distributed.world_size() == 1
        )  # torch does not compile what exchanges statistics between processes
        self.step_model: nn.Module = torch.compile(self.model) if compiled else self.model  # type: ignore[assignment]
        self.ema = ModelEmaV3(plain, decay=recipe.ema, use_warmup=True) if recipe.ema else None
        self.heads = {h.task: h for h in recipe.heads}
        self.losses = {
            task: registry.load("train.losses", loss.name).loss
            for task, loss in recipe.losses.items()
        }
        self.epoch, self.step, self.seconds, self.best, self.stale = 0, 0, 0.0, -math.inf, 0
        self.epochs = recipe.epochs
        self.history: list[dict[str, float]] = []
        self.tally: dict[str, tuple[float, int]] = {}
        self.facts = record_facts(count_parameters(recipe), distributed.world_size())

    @property
    def averaged(self) -> nn.Module:
        """The weights that are validated and exported: the moving average where the recipe has one."""
        return self.ema.module if self.ema else self.plain

    def train(
        self,
        train_parts: Sequence[DatasetPart],
        val_parts: Sequence[DatasetPart],
        budget_s: float | None = None,
    ) -> None:
        """Trains to the end of the plan. Ctrl-C is safe: the last finished epoch is on disk. The
        budget is also that of asking teachers.

        The first process validates; what it measured decides for all.
        """
        asked = monotonic()
        data = gather(
            train_parts, self.recipe, distill.teacher_targets(self.recipe, train_parts, self.folder)
        )
        left_s = (
            None
            if budget_s is None
            else budget_s - distributed.broadcast_from_main(monotonic() - asked)
        )
        for head in self.recipe.heads:
            if absent := data.absent(head.task):
                shows = ", ".join(head.labels[k] for k in absent)
                progress.say(
                    f"no training sample shows {shows}; the network cannot learn that, add some or leave it out of the heads"
                )
        names = tuple(p.samples.name for p in train_parts)
        while self.epoch < self.epochs and not self._patience_is_over():
            started, worked = monotonic(), process_time()
            row = self._train_epoch(data, names)
            if distributed.is_main():
                row |= {
                    f"val_{k}": v
                    for k, v in validate(self.averaged, val_parts, self.recipe).items()
                }
            row["seconds"], row["cpu_seconds"] = monotonic() - started, process_time() - worked
            row["memory_mb"] = (
                resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            )  # the peak so far; Linux counts KiB
            row = distributed.broadcast_from_main(row)
            self.schedule.after_epoch(
                row["val_loss"],
                distributed.broadcast_from_main(l2_penalty(self.averaged, self.recipe.optim)),
            )
            self.seconds += row["seconds"]
            self.epoch += 1
            self.history.append({"epoch": self.epoch, **row})
            self._plan(left_s)
            self._keep(row["val_score"])
            progress.say(_line(self.history[-1], self.epochs, self.seconds))
        if (
            distributed.world_size() > 1
            # training is over: the weights stay, the exchange with the others must go before the
            # processes part
        ):
            self.accelerator.free_memory()
            self.model = self.step_model = self.plain

    def start_epoch(self) -> torch.Generator:
        """Wakes the network up for training, but for its frozen parts, and seeds the epoch;
        augmentation draws from what it returns.
        """
        torch.manual_seed(self.recipe.seed * 100_003 + self.epoch)  # dropout
        self.step_model.train()
        freeze(self.plain, self.recipe.freeze, self.epoch)
        return torch.Generator().manual_seed(self.recipe.seed * 100_003 + self.epoch + 50_021)

    def _train_epoch(self, data: SamplePool, names: tuple[str, ...]) -> dict[str, float]:
        recipe, draw = self.recipe, self.start_epoch()
        sums: dict[str, float] = {}
        self.tally = {}
        seen, started, fast = 0, monotonic(), self.accelerator.device.type != "cpu"
        count = max(1, len(data) // recipe.batch)
        per_epoch = math.ceil(count / recipe.accumulation)
        order = batches(
            recipe.sampling, recipe.batch, recipe.seed, self.epoch, data.source, data.label(), names
        )
        with progress.task(f"epoch {self.epoch + 1}/{self.epochs}", count) as advance:
            for i, batch in enumerate(
                prefetch(lambda index: collate(data.batch(index), recipe, draw), order, fast)
            ):
                if i + 1 == count:
                    # the next is 0: what has been accumulated is learnt now, no epoch leaves a rest
                    # to the next
                    self.accelerator.step = -1
                rate = self.schedule.before_step(self.step, per_epoch * self.epochs, per_epoch)
                losses = self._step(batch)
                seen += len(batch)
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + value
                advance(i + 1, f"loss {distributed.world_size() * sums['loss'] / (i + 1):.3f}")
        means = {f"train_{k}": v / count for k, v in distributed.sum_over_processes(sums).items()}
        right = distributed.sum_over_processes({k: total for k, (total, _) in self.tally.items()})
        known = distributed.sum_over_processes({k: float(n) for k, (_, n) in self.tally.items()})
        means |= {f"train_{k}": right[k] / known[k] for k in self.tally if known[k]}
        return {**means, "lr": rate, "images_per_s": seen / (monotonic() - started)}

    def _step(self, batch: TrainingBatch) -> dict[str, float]:
        """Learns from this process's share of a batch and returns the share's part of each loss;
        they sum up to the batch's.
        """
        recipe, device, world = self.recipe, self.accelerator.device, distributed.world_size()
        mine = distributed.local_slice(len(batch))
        x = batch.x[mine].to(device, memory_format=self.layout)
        targets, weights = (
            {k: v[mine].to(device) for k, v in values.items()}
            for values in (batch.targets, batch.weights)
        )
        with self.accelerator.accumulate(self.model):
            with distributed.GlobalBatchMode(len(batch)) if world > 1 else nullcontext():
                out = self.step_model(x)
            total = x.new_zeros(())
            values = {}
            for task, spec in recipe.losses.items():
                each = self.losses[task](out[task].float(), targets[task], **spec.options)
                value = masked_mean(each, weights[task], batch.weights[task].to(device))
                if (taught := TEACHER_PREFIX + task) in targets:
                    each = distill.distillation_loss(
                        out[task].float(),
                        targets[taught],
                        self.heads[task],
                        recipe.distill.temperature,
                    )
                    said = masked_mean(each, weights[taught], batch.weights[taught].to(device))
                    value = (1 - recipe.distill.share) * value + recipe.distill.share * said
                total = total + spec.weight * value
                values[task] = float(value.detach())
            if (taught := TEACHER_PREFIX + distill.FEATURES) in targets:
                value = distill.similarity_loss(out[distill.FEATURES], targets[taught])
                total = total + recipe.distill.features * value
                values["features"] = float(value.detach())
            if not torch.isfinite(total):
                what = f"Expected a finite loss, got {float(total.detach())} at step {self.step}"
                raise UserError(f"{what}; try --set optim.lr={recipe.optim.lr / 3:.1g}.")
            self.accelerator.backward(
                world * total
            )  # the gradients are averaged over the processes
            if self.accelerator.sync_gradients:
                if recipe.optim.clip:
                    self.accelerator.clip_grad_norm_(self.model.parameters(), recipe.optim.clip)
                self.step += 1
            self.optim.step()
            self.optim.zero_grad()
        self._count(out, targets, weights)
        if self.ema and self.accelerator.sync_gradients:
            self.ema.update(
                self.plain, step=self.step
            )  # without the step its warm-up lags for thousands of steps
        return {"loss": float(total.detach()), **values}

    def _count(
        self, out: dict[str, Tensor], targets: dict[str, Tensor], weights: dict[str, Tensor]
    ) -> None:
        """Adds a batch to the epoch's accuracies and errors, as the network in training has them:
        augmented, mixed, with dropout.
        """
        for head in self.recipe.heads:
            raw, target, known = (
                v.detach().float().cpu()
                for v in (out[head.task], targets[head.task], weights[head.task])
            )
            name, total, n = batch_metric(raw, target, known > 0, head)
            before = self.tally.get(name, (0.0, 0))
            self.tally[name] = (before[0] + total, before[1] + n)

    def _plan(self, budget_s: float | None) -> None:
        """After the first epoch, which has shown its price, fits the number of epochs into the
        budget; later only stops in time.
        """
        if budget_s is None:
            return
        price = self.seconds / self.epoch
        affordable = max(self.epoch, int(budget_s / price))
        if self.epoch == 1 and affordable < self.epochs:
            progress.say(
                f"{price:.0f} s an epoch: the budget allows {affordable} of {self.epochs} epochs"
            )
            self.epochs = affordable
        elif self.seconds + price > budget_s * 1.05:
            self.epochs = self.epoch

    def _patience_is_over(self) -> bool:
        return 0 < self.recipe.patience <= self.stale

    def _keep(self, score: float) -> None:
        better = score > self.best + self.recipe.min_delta
        self.stale = 0 if better else self.stale + 1
        self.best = score if better else self.best
        if not distributed.is_main():
            return
        if better:
            checkpoint.save(
                self.folder / BEST_CHECKPOINT,
                {
                    "recipe": self.recipe.to_dict(),
                    "model": self.averaged.state_dict(),
                    "epoch": self.epoch,
                },
            )
        checkpoint.save(self.folder / LAST_CHECKPOINT, self._state())
        for name, fill in (
            (HISTORY, lambda p: pd.DataFrame(self.history).to_parquet(p)),
            (
                RECIPE,
                lambda p: p.write_text(
                    json.dumps(self.recipe.to_dict(), indent=1), encoding="utf-8"
                ),
            ),
        ):
            write_file(self.folder / name, fill)
        state = (
            "finished"
            if self.epoch >= self.epochs
            else "stopped early"
            if self._patience_is_over()
            else "unfinished"
        )
        summary.write(self.folder, self.facts, self.epochs, state)

    def _state(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe.to_dict(),
            "model": self.plain.state_dict(),
            "optim": self.optim.state_dict(),
            "schedule": self.schedule.state_dict(),
            "ema": self.ema.module.state_dict() if self.ema else None,
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "stale": self.stale,
            "epochs": self.epochs,
            "history": self.history,
            "started": self.facts.started,
            "limit": self.facts.limit,
        }

    def resume(self) -> bool:
        """Goes on from the folder's last checkpoint; False where there is none. Another number of
        epochs is allowed: the schedule is then stretched or shortened from here on.

        Raises:
            UserError: the checkpoint was made by another recipe, whose fields are named, or of
            another --limit.
        """
        path = self.folder / LAST_CHECKPOINT
        state = distributed.broadcast_from_main(
            checkpoint.load(path) if distributed.is_main() and path.is_file() else None
        )
        if state is None:
            return False
        begun_with = from_dict(state["recipe"])
        differing = [k for k in differing_fields(self.recipe, begun_with) if k != "epochs"]
        if differing:
            raise UserError(
                f"Expected to resume the same recipe, got other values of {', '.join(differing)}; use another --out."
            )
        limit, begun = (
            self.facts.limit,
            state.get("limit", self.facts.limit),
        )  # older checkpoints do not tell
        if limit != begun:
            asked, made = (f"--limit {n}" if n else "no --limit" for n in (limit, begun))
            raise UserError(
                f"Expected to resume with {made}, as it was begun, got {asked}; use another --out."
            )
        self.plain.load_state_dict(state["model"])
        self.optim.load_state_dict(state["optim"])
        self.schedule.load_state_dict(state.get("schedule", {}))
        if self.ema:
            self.ema.module.load_state_dict(state["ema"])
        for name in ("epoch", "step", "seconds", "best", "stale", "epochs", "history"):
            setattr(self, name, state[name])
        if self.recipe.epochs != begun_with.epochs:
            self.epochs = self.recipe.epochs
        self.facts = replace(self.facts, started=state.get("started", self.facts.started))
        return True


def memory_layout(model: nn.Module) -> torch.memory_format:
    """channels_last, which is faster; but not for grouped convolutions on a CPU, where the backward
    pass of MobileOne in torch 2.13 writes outside its memory ("corrupted double-linked list").
    """
    grouped = any(isinstance(m, nn.Conv2d) and m.groups > 1 for m in model.modules())
    return (
        torch.contiguous_format
        if grouped and not torch.cuda.is_available()
        else torch.channels_last
    )


def _line(row: dict[str, float], epochs: int, seconds: float) -> str:
    left = seconds / row["epoch"] * (epochs - row["epoch"])
    shown = ", ".join(
        f"{k.removeprefix('val_')} {v:.4f}" for k, v in row.items() if k.startswith("val_")
    )
    price = f"{row['images_per_s']:.0f} images/s, {left / 60:.0f} min left"
    return f"epoch {row['epoch']:.0f}/{epochs}: loss {row['train_loss']:.3f}; {shown}; {price}"
