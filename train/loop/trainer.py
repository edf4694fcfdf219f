"""Train a recipe: epochs of steps, one checkpoint an epoch, exact resume.

All randomness of an epoch (order, augmentation, dropout) follows from (seed, epoch), so that an
epoch that was interrupted is run again from the last checkpoint and ends at the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from time import monotonic, process_time

import torch
from torch import nn

import core.models.base.torchvision_compat  # noqa: F401 - must come before timm
from core import progress
from evaluation.training_runs.run_folder import BEST_CHECKPOINT, LAST_CHECKPOINT
from train.batches.collate import LoadingTime, collate, prefetch
from train.batches.data import DatasetPart
from train.batches.pool import Batch, SamplePool, gather
from train.batches.sampling import batches, count_batches
from train.loop import distributed, divergence, memory, run_state, teachers
from train.loop.budget import plan_again, plan_epochs
from train.loop.initialize import initialize
from train.loop.optim import build_optimizer, l2_penalty
from train.loop.run_state import EpochRow
from train.loop.schedule import Scheduler
from train.loop.setup import build_accelerator, compiled, memory_layout, thaws
from train.loop.step_loss import StepLoss
from train.loop.tally import EpochTally
from train.loop.validate import validate
from train.network.build import build_network, count_parameters
from train.network.freeze import freeze
from train.recipe.recipe import Recipe
from train.runs import checkpoint, summary
from train.runs.facts import record_facts

from timm.utils.model_ema import ModelEmaV3  # isort: skip

RESUMED = ("epoch", "step", "seconds", "best", "stale", "epochs", "history")
"""Attributes of a `Trainer` that a checkpoint holds under the same names."""


class Trainer:
    """One training run in one folder.

    `train()` may be interrupted at any moment; a new object then goes on after `resume()`.

    Attributes:
        network: the network itself, without wrappers.
        epochs: planned.
        epoch: epochs finished.
        step: updates of the weights so far.
        seconds: that the finished epochs took.
        best: highest validation score.
        stale: epochs since then.
        history: one row an epoch.
        start_loss: of the first batch, or mean of the first epoch of a resumed run.
        facts: machine, versions and start, for the summary.
    """

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.recipe, self.folder = recipe, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.accelerator = build_accelerator(recipe)
        torch.manual_seed(recipe.seed)
        # of several processes the first one loads weights; the others get them from it
        fresh = distributed.is_main() and not (folder / LAST_CHECKPOINT).is_file()
        network = initialize(recipe) if fresh else build_network(recipe)
        self.layout = memory_layout(network)
        network.to(memory_format=self.layout)  # type: ignore[call-overload]  # not declared
        # the optimizer gets frozen parts too, as they may learn from a later epoch on
        network.requires_grad_(True)
        optimizer = build_optimizer(network, recipe.optim)
        if not thaws(recipe):  # else the processes will exchange these gradients, too
            freeze(network, recipe.freeze)
        self.model, self.optimizer = self.accelerator.prepare(network, optimizer)
        if distributed.world_size() > 1:
            # after the first exchange each process keeps the same statistics of all shares itself
            self.model.forward_sync_buffers = False
        freeze(network, recipe.freeze)
        self.network: nn.Module = network
        self.schedule = Scheduler(recipe.schedule, recipe.optim.lr, optimizer)
        self.step_model = compiled(self.model, recipe)
        self.ema = ModelEmaV3(network, decay=recipe.ema, use_warmup=True) if recipe.ema else None
        self.loss = StepLoss(recipe)
        self.tally = EpochTally(recipe.heads)
        self.epochs = recipe.epochs
        self.epoch, self.step, self.stale = 0, 0, 0
        self.seconds, self.best = 0.0, -math.inf
        self.history: list[EpochRow] = []
        self.start_loss: float | None = None
        self.facts = record_facts(count_parameters(recipe), distributed.world_size())

    @property
    def averaged(self) -> nn.Module:
        """The network that is validated and exported: with averaged weights if the recipe says."""
        return self.ema.module if self.ema else self.network

    def train(
        self,
        train_parts: Sequence[DatasetPart],
        val_parts: Sequence[DatasetPart],
        budget_s: float | None = None,
    ) -> None:
        """Train to the end of the plan.

        Ctrl-C is safe: the last finished epoch is on disk.

        Args:
            train_parts: to learn from.
            val_parts: to select the best epoch by.
            budget_s: seconds for all of it, with the predictions of teachers; None for no limit.
        """
        started = monotonic()
        teacher_targets = teachers.teacher_targets(self.recipe, train_parts, self.folder)
        pool = gather(train_parts, self.recipe, teacher_targets)
        if budget_s is not None:
            budget_s -= distributed.broadcast_from_main(monotonic() - started)
        run_state.say_absent_classes(pool, self.recipe.heads)
        names = tuple(part.samples.name for part in train_parts)
        while self.epoch < self.epochs and not self._is_out_of_patience():
            started, cpu_started = monotonic(), process_time()
            with memory.batch_advice(self.recipe, pool, self.train_step):
                row = self.train_epoch(pool, names)
            divergence.check_weights(self.averaged, self.epoch + 1, self.recipe.optim.lr)
            if distributed.is_main():  # one process validates, for all
                scores = validate(self.averaged, val_parts, self.recipe)
                row |= {f"val_{name}": value for name, value in scores.items()}
            row |= run_state.measure_cost(started, cpu_started)
            row = distributed.broadcast_from_main(row)
            penalty = distributed.broadcast_from_main(l2_penalty(self.averaged, self.recipe.optim))
            self.schedule.after_epoch(row["val_loss"], penalty)
            self.seconds += row["seconds"]
            self.epoch += 1
            self.history.append({"epoch": self.epoch, **row})
            self.epochs = plan_epochs(self.epoch, self.epochs, self.seconds, budget_s)
            self.save(row["val_score"])
            progress.say(run_state.describe_epoch(self.history[-1], self.epochs, self.seconds))
        if distributed.world_size() > 1:
            # the weights stay; the exchange with the other processes must end before they do
            self.accelerator.free_memory()
            self.model = self.step_model = self.network

    def start_epoch(self) -> torch.Generator:
        """Seed, set train mode but for frozen parts, and return augmentation's generator."""
        seed = self.recipe.seed * 100_003 + self.epoch
        torch.manual_seed(seed)  # dropout
        self.step_model.train()
        freeze(self.network, self.recipe.freeze, self.epoch)
        return torch.Generator().manual_seed(seed + 50_021)

    def train_epoch(self, pool: SamplePool, names: tuple[str, ...]) -> EpochRow:
        """Train one epoch and return its row of the history, without validation.

        Args:
            pool: the training samples.
            names: the data sets, in the order of `pool.source`.
        """
        recipe, generator = self.recipe, self.start_epoch()
        self.tally = EpochTally(recipe.heads)
        n_batches = count_batches(recipe.sampling, recipe.batch, len(pool))
        steps_per_epoch = math.ceil(n_batches / recipe.accumulation)
        order = batches(
            recipe.sampling, recipe.batch, recipe.seed, self.epoch, pool.source, pool.label(), names
        )

        def load(index: torch.Tensor) -> Batch:
            return collate(pool.batch(index), recipe, generator)

        loader = LoadingTime(prefetch(load, order, in_thread=self.accelerator.device.type != "cpu"))
        n_images, lr, started = 0, 0.0, monotonic()
        with progress.task(f"epoch {self.epoch + 1}/{self.epochs}", n_batches) as advance:
            for done, batch in enumerate(loader, 1):
                steps = steps_per_epoch * self.epochs
                lr = self.schedule.before_step(self.step, steps, steps_per_epoch)
                # the last batch always updates: no epoch leaves gradients to the next
                update = done % recipe.accumulation == 0 or done == n_batches
                self.train_step(batch, update)
                n_images += len(batch)
                loss = distributed.world_size() * self.tally.losses["loss"] / done
                advance(done, f"loss {loss:.3f}")
        row = {**self.tally.means(n_batches), "lr": lr, "loading_seconds": loader.seconds}
        return row | {"images_per_s": n_images / (monotonic() - started)}

    def train_step(self, batch: Batch, update: bool = True) -> dict[str, float]:
        """Add a batch's gradients, and update the weights by all that was added.

        Args:
            batch: all processes' samples; each learns from its share.
            update: False to accumulate gradients only.

        Returns:
            This share's part of each loss; the parts of all processes add up to the batch's.

        Raises:
            UserError: the loss is not finite, or has grown beyond all bounds.
        """
        recipe, world_size = self.recipe, distributed.world_size()
        device = self.accelerator.device
        share = batch.share(distributed.local_slice(len(batch)), device, self.layout)
        global_weights = {task: values.to(device) for task, values in batch.weights.items()}
        # processes exchange gradients, and BatchNorm's statistics are those of all their shares
        exchange = nullcontext() if update else self.accelerator.no_sync(self.model)
        with exchange:
            with distributed.GlobalBatchMode(len(batch)) if world_size > 1 else nullcontext():
                out = self.step_model(share.x)
            total, parts = self.loss(out, share, global_weights)
            loss = float(total.detach())
            if self.start_loss is None:
                self.start_loss = loss
            divergence.check_loss(loss, self.start_loss, self.step, recipe.optim.lr)
            # gradients are averaged over processes, and here over the accumulated batches
            self.accelerator.backward(world_size * total / recipe.accumulation)
        if update:
            if recipe.optim.clip:
                self.accelerator.clip_grad_norm_(self.model.parameters(), recipe.optim.clip)
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.step += 1
            if self.ema:  # without the step its warm-up lags for thousands of steps
                self.ema.update(self.network, step=self.step)
        losses = {"loss": loss, **parts}
        self.tally.add(losses, out, share)
        return losses

    def _is_out_of_patience(self) -> bool:
        return 0 < self.recipe.patience <= self.stale

    def save(self, score: float) -> None:
        """Write the run folder after an epoch with this validation score, from 0 to 1."""
        is_best = score > self.best + self.recipe.min_delta
        self.stale = 0 if is_best else self.stale + 1
        self.best = score if is_best else self.best
        if not distributed.is_main():
            return
        if is_best:
            weights = self.averaged.state_dict()
            best = {"recipe": self.recipe.to_dict(), "model": weights, "epoch": self.epoch}
            checkpoint.save(self.folder / BEST_CHECKPOINT, best)
        checkpoint.save(self.folder / LAST_CHECKPOINT, self.state_dict())
        run_state.write_history(self.folder, self.history, self.recipe)
        state = "stopped early" if self._is_out_of_patience() else "unfinished"
        if self.epoch >= self.epochs:
            state = "finished"
        summary.write(self.folder, self.facts, self.epochs, state)

    def state_dict(self) -> dict[str, object]:
        """Return what the last checkpoint holds."""
        return {
            "recipe": self.recipe.to_dict(),
            "model": self.network.state_dict(),
            "optim": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "ema": self.ema.module.state_dict() if self.ema else None,
            **{name: getattr(self, name) for name in RESUMED},
            **{name: getattr(self.facts, name) for name in run_state.RESUMED_FACTS},
        }

    def resume(self, keep_lr: bool = False) -> bool:
        """Go on from the folder's last checkpoint; return False where there is none.

        Another number of epochs or budget is allowed: the schedule then changes from here on.

        Args:
            keep_lr: stay at the last learning rate where a longer schedule would raise it.

        Raises:
            UserError: it was begun with another recipe, whose fields are named, with other data or
                another --limit.
        """
        path = self.folder / LAST_CHECKPOINT
        has_checkpoint = distributed.is_main() and path.is_file()
        state = distributed.broadcast_from_main(
            checkpoint.load(path, ("recipe", "model", "optim", *RESUMED))
            if has_checkpoint
            else None
        )
        if state is None:
            return False
        begun_with = run_state.check_resumable(state, self.recipe, self.facts)
        self.network.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optim"])
        self.schedule.load_state_dict(state.get("schedule", {}))
        if self.ema:
            self.ema.module.load_state_dict(state["ema"])
        for name in RESUMED:
            setattr(self, name, state[name])
        self.start_loss = self.history[0]["train_loss"] if self.history else None
        has_other_budget = self.facts.budget_s != state.get("budget_s", self.facts.budget_s)
        if self.recipe.epochs != begun_with.epochs or has_other_budget:
            planned, wanted = self.epochs, self.recipe.epochs
            self.epochs = plan_again(self.epoch, wanted, self.seconds, self.facts.budget_s)
            self.schedule.stretch(self.step, self.history, planned, self.epochs, keep_lr)
        self.facts = replace(self.facts, started=state.get("started", self.facts.started))
        return True
