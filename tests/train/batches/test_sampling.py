"""Orders of samples: they follow from seed and epoch, alternate, balanced and weighted."""

from __future__ import annotations

import pytest
import torch

from core.errors import UserError
from train.batches.sampling import batches, count_batches
from train.recipe.settings import Order, Sampling

NAMES = ("a", "b")
SOURCE = torch.tensor([0] * 60 + [1] * 20)
LABEL = torch.tensor([0] * 50 + [1] * 10 + [-1] * 20)


def drawn(how: Sampling, epoch: int = 0, size: int = 8, seed: int = 0) -> list[torch.Tensor]:
    return list(batches(how, size, seed, epoch, SOURCE, LABEL, NAMES))


@pytest.mark.parametrize(
    "how",
    [
        Sampling(),
        Sampling("balanced"),
        Sampling("alternate"),
        Sampling("weighted", {"a": 1, "b": 1}),
    ],
)
def test_an_order_follows_from_seed_and_epoch(how: Sampling) -> None:
    one, again, other = drawn(how, 3), drawn(how, 3), drawn(how, 4)
    assert len(one) == 10 and all(len(b) == 8 for b in one)
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_shuffle_is_each_sample_once_and_what_older_runs_saw() -> None:
    assert sorted(torch.cat(drawn(Sampling())).tolist()) == list(range(80))
    order = torch.randperm(80, generator=torch.Generator().manual_seed(7 * 100_003 + 2))
    assert torch.equal(torch.cat(drawn(Sampling(), epoch=2, seed=7)), order)


def test_alternate_takes_one_set_at_a_time_and_starts_over() -> None:
    order = drawn(Sampling("alternate"))
    assert [SOURCE[b].unique().tolist() for b in order] == [[0], [1]] * 5
    small = torch.cat(order[1::2])  # 40 draws from 20 samples: each twice
    assert torch.bincount(small - 60).tolist() == [2] * 20


def test_a_set_smaller_than_a_batch_fills_it() -> None:
    order = list(batches(Sampling("alternate"), 32, 0, 0, SOURCE, LABEL, NAMES))
    assert len(order) == 2 and len(order[1]) == 32


def test_balanced_draws_classes_alike() -> None:
    many = torch.cat([torch.cat(drawn(Sampling("balanced"), e)) for e in range(40)])
    shares = torch.bincount(LABEL[many] + 1) / len(many)
    assert shares.tolist() == pytest.approx([1 / 3] * 3, abs=0.03)


def test_weighted_draws_sets_by_weight() -> None:
    many = torch.cat(
        [torch.cat(drawn(Sampling("weighted", {"a": 1, "b": 3}), e)) for e in range(40)]
    )
    assert (SOURCE[many] == 1).float().mean().item() == pytest.approx(0.75, abs=0.03)


def test_a_few_samples_make_one_batch() -> None:
    for how in (Sampling(), Sampling("balanced")):
        assert [len(b) for b in batches(how, 200, 0, 0, SOURCE, LABEL, NAMES)] == [80]


@pytest.mark.parametrize("order", ["shuffle", "balanced", "alternate", "weighted"])
def test_an_epoch_has_at_most_so_many_samples(order: Order) -> None:
    few = Sampling(order, {"a": 1, "b": 1}, epoch_samples=30)
    assert [len(b) for b in drawn(few)] == [8] * 3 and count_batches(few, 8, 80) == 3
    assert not torch.equal(torch.cat(drawn(few, 1)), torch.cat(drawn(few, 2)))
    more_than_there_are = Sampling(order, {"a": 1, "b": 1}, epoch_samples=10_000)
    assert len(drawn(more_than_there_are)) == 10
    with pytest.raises(UserError, match="epoch_samples from 0, got -1"):
        Sampling(order, epoch_samples=-1)


def test_weights_must_name_the_sets() -> None:
    with pytest.raises(UserError, match="a, b"):
        drawn(Sampling("weighted", {"a": 1}))
    with pytest.raises(UserError, match="alternate"):
        Sampling("in turn")
