"""CTGAN, after Xu, Skoularidou, Cuesta-Infante and Veeramachaneni (2019), in PyTorch.

Numbers by mode-specific normalisation (their section 4.2), a conditional vector with training by sampling (4.3), the
networks of 4.4: a critic that sees several rows at a time (PacGAN, Lin et al. 2018) under the Wasserstein loss with
gradient penalty (Gulrajani et al. 2017).

Otherwise than there: the critic sees two rows at a time and not ten, steps are 5e-4 and not 2e-4, a batch of a small
table is a tenth of it, and rows are drawn by the running mean of the generator's weights (Yazıcı et al. 2019), without
which the share of every level swings from step to step.
``benchmarks/privacy.py`` has what that brings.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

MODES, WIDTH, NOISE, PACK = 10, 256, 128, 2
_LEAST_WEIGHT = 0.005  # of a mode
_PENALTY, _RATE, _DECAY = 10.0, 5e-4, 1e-6
_KEPT = 0.99  # of the running mean, at each step
_TEMPERATURE = 0.2
_MIXTURE_ROWS = 20_000
_DRAWN = 5_000
Progress = Callable[[float, str], None] | None


@dataclass(frozen=True, eq=False)
class _Modes:
    """A column of numbers as a mixture of normal ones: a value is the mode it belongs to, and its place there, in
    four standard deviations.
    """

    means: np.ndarray
    deviations: np.ndarray
    mixture: object
    kept: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, random: np.random.Generator) -> _Modes:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import BayesianGaussianMixture

        some = values if len(values) <= _MIXTURE_ROWS else random.choice(values, _MIXTURE_ROWS, replace=False)
        number = min(MODES, len(np.unique(some)))
        mixture = BayesianGaussianMixture(
            n_components=number,
            weight_concentration_prior_type="dirichlet_process",
            weight_concentration_prior=0.001,
            max_iter=100,
            random_state=int(random.integers(2**31)),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the paper's mixture is not run to convergence either
            mixture.fit(some[:, None])
        kept = mixture.weights_ > _LEAST_WEIGHT
        return cls(mixture.means_[kept, 0], np.sqrt(mixture.covariances_[kept, 0, 0]), mixture, np.flatnonzero(kept))

    def encode(self, values: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """(n, 1 + modes): the place, and the mode as one-hot, drawn by how likely each is for the value."""
        likely = self.mixture.predict_proba(values[:, None])[:, self.kept] + 1e-6
        running = np.cumsum(likely / likely.sum(axis=1, keepdims=True), axis=1)
        mode = np.minimum((running < random.random(len(values))[:, None]).sum(axis=1), len(self.kept) - 1)
        place = np.clip((values - self.means[mode]) / (4 * self.deviations[mode]), -0.99, 0.99)
        return np.column_stack([place, np.eye(len(self.kept))[mode]])

    def decode(self, made: np.ndarray) -> np.ndarray:
        mode = made[:, 1:].argmax(axis=1)
        return np.clip(made[:, 0], -1, 1) * 4 * self.deviations[mode] + self.means[mode]


class _Residual(nn.Module):
    """A layer of the generator: what it makes stands beside what it was given."""

    def __init__(self, width: int):
        super().__init__()
        self.layer, self.norm = nn.Linear(width, WIDTH), nn.BatchNorm1d(WIDTH)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.relu(self.norm(self.layer(given))), given], dim=1)


class _Critic(nn.Module):
    """Judges a pack of rows at a time."""

    def __init__(self, width: int, random: torch.Generator):
        super().__init__()
        self.first, self.second, self.last = (
            nn.Linear(width * PACK, WIDTH),
            nn.Linear(WIDTH, WIDTH),
            nn.Linear(WIDTH, 1),
        )
        self.random = random

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        own = rows.reshape(len(rows) // PACK, -1)
        for layer in (self.first, self.second):
            own = functional.leaky_relu(layer(own), 0.2)
            own = (
                own * (torch.rand(own.shape, generator=self.random, device=own.device) < 0.5) * 2
            )  # dropout, from our own source
        return self.last(own)


class CTGAN:
    """A generator of rows like those of ``numbers`` (n, p) and ``codes`` (n, q), q ≥ 1 with ``sizes`` levels each.

    Trained on a graphics card where there is one. All chance comes from ``random_state``: on one machine the same seed
    gives the same rows.
    """

    def __init__(
        self,
        numbers: np.ndarray,
        codes: np.ndarray,
        sizes: Sequence[int],
        *,
        epochs: int = 150,
        batch_rows: int = 500,
        random_state: int = 0,
        progress: Progress = None,
    ):
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._random = torch.Generator(device=self._device).manual_seed(random_state)
        random = np.random.default_rng(random_state)
        self._modes, parts = [], []
        for position, own in enumerate(numbers.T):
            if progress is not None:
                progress(0.0, f"looking at the numbers, {position + 1} of {numbers.shape[1]}")
            self._modes.append(_Modes.of(own, random))
            parts.append(self._modes[-1].encode(own, random))
        parts += [np.eye(size)[own] for size, own in zip(sizes, codes.T, strict=True)]
        self._sizes, self._codes = tuple(sizes), codes
        self._rows = self._tensor(np.column_stack(parts))
        self._places = _Places(codes, sizes, self._device)
        width = self._rows.shape[1]
        with (
            torch.random.fork_rng()
        ):  # layers draw their first weights from the program's chance, which stays as it was
            blocks = [_Residual(NOISE + sum(sizes)), _Residual(NOISE + sum(sizes) + WIDTH)]
            self._generator = nn.Sequential(*blocks, nn.Linear(NOISE + sum(sizes) + 2 * WIDTH, width)).to(self._device)
            self._critic = _Critic(width + sum(sizes), self._random).to(self._device)
        _start(self._generator, random_state)
        _start(self._critic, random_state + 1)
        self._mean = AveragedModel(self._generator, multi_avg_fn=get_ema_multi_avg_fn(_KEPT), use_buffers=True)
        self._train(epochs, _batch(len(codes), batch_rows), progress)
        self._mean.eval()

    def draw(self, n: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """``n`` new rows, as numbers (n, p) and codes (n, q); conditions are drawn as often as they are in the
        table.
        """
        made = []
        self._random.manual_seed(int(random.integers(2**62)))
        with torch.no_grad():
            for start in range(0, n, _DRAWN):
                condition = self._places.as_in_table(min(_DRAWN, n - start), self._random)
                made.append(self._activated(self._asked(condition, self._mean))[0].cpu().numpy())
        rows = np.concatenate(made).astype(float)
        numbers, place = [], 0
        for modes in self._modes:
            width = 1 + len(modes.kept)
            numbers.append(modes.decode(rows[:, place : place + width]))
            place += width
        codes = []
        for size in self._sizes:
            codes.append(rows[:, place : place + size].argmax(axis=1))
            place += size
        return np.column_stack(numbers) if numbers else np.empty((n, 0)), np.column_stack(codes)

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(values, dtype=torch.float32, device=self._device)

    def _asked(self, condition: torch.Tensor, generator: nn.Module | None = None) -> torch.Tensor:
        """What the generator makes of noise under a condition, before its activations."""
        noise = torch.randn((len(condition), NOISE), generator=self._random, device=self._device)
        return (generator or self._generator)(torch.cat([noise, condition], dim=1))

    def _activated(self, raw: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """tanh for places, Gumbel's softmax for modes and levels; and the raw outputs of each column of levels."""
        parts, levels, place = [], [], 0
        for modes in self._modes:
            parts += [
                torch.tanh(raw[:, place : place + 1]),
                self._softened(raw[:, place + 1 : place + 1 + len(modes.kept)]),
            ]
            place += 1 + len(modes.kept)
        for size in self._sizes:
            levels.append(raw[:, place : place + size])
            parts.append(self._softened(levels[-1]))
            place += size
        return torch.cat(parts, dim=1), levels

    def _softened(self, raw: torch.Tensor) -> torch.Tensor:
        uniform = torch.rand(raw.shape, generator=self._random, device=self._device).clamp_(1e-10, 1 - 1e-7)
        return functional.softmax((raw - torch.log(-torch.log(uniform))) / _TEMPERATURE, dim=1)

    def _train(self, epochs: int, batch: int, progress: Progress) -> None:
        adam = {"lr": _RATE, "betas": (0.5, 0.9)}
        generator = torch.optim.Adam(self._generator.parameters(), weight_decay=_DECAY, **adam)
        critic = torch.optim.Adam(self._critic.parameters(), **adam)
        for epoch in range(epochs):
            if progress is not None:
                progress(epoch / epochs, f"CTGAN, epoch {epoch + 1} of {epochs}")
            for _ in range(max(len(self._rows) // batch, 1)):
                self._step_critic(batch, critic)
                self._step_generator(batch, generator)
                self._mean.update_parameters(self._generator)

    def _step_critic(self, batch: int, optimizer: torch.optim.Optimizer) -> None:
        column, level, condition = self._places.by_logarithm(batch, self._random)
        order = torch.randperm(batch, generator=self._random, device=self._device)
        real = self._rows[self._places.rows_with(column[order], level[order], self._random)]
        with torch.no_grad():
            made, _ = self._activated(self._asked(condition))
        made, real = torch.cat([made, condition], dim=1), torch.cat([real, condition[order]], dim=1)
        loss = self._critic(made).mean() - self._critic(real).mean() + _PENALTY * self._penalty(real, made)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    def _penalty(self, real: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
        """How far the critic's gradient is from 1, between real and made packs."""
        share = torch.rand((len(real) // PACK, 1, 1), generator=self._random, device=self._device)
        share = share.expand(-1, PACK, real.shape[1]).reshape(real.shape)
        between = (share * real + (1 - share) * made).requires_grad_()
        score = self._critic(between)
        (gradient,) = torch.autograd.grad(score, between, torch.ones_like(score), create_graph=True)
        return ((gradient.reshape(len(score), -1).norm(dim=1) - 1) ** 2).mean()

    def _step_generator(self, batch: int, optimizer: torch.optim.Optimizer) -> None:
        column, level, condition = self._places.by_logarithm(batch, self._random)
        made, levels = self._activated(self._asked(condition))
        # What was asked for has to come: cross-entropy in the column of the condition.
        missed = sum(
            functional.cross_entropy(raw[own], level[own], reduction="sum")
            for i, raw in enumerate(levels)
            if (own := column == i).any()
        )
        loss = missed / batch - self._critic(torch.cat([made, condition], dim=1)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


class _Places:
    """Which rows have which level of which column, and how conditions are drawn: a column by chance, then a level of
    it.
    """

    def __init__(self, codes: np.ndarray, sizes: Sequence[int], device: torch.device):
        self._first = torch.as_tensor(np.r_[0, np.cumsum(sizes)[:-1]], device=device)
        self._total, self._n, self._device = int(sum(sizes)), len(codes), device
        self._rows = torch.as_tensor(
            np.column_stack([np.argsort(own, kind="stable") for own in codes.T]), device=device
        )
        counts = [np.bincount(own, minlength=size) for size, own in zip(sizes, codes.T, strict=True)]
        self._codes = torch.as_tensor(codes, device=device)
        widest = max(sizes)
        self._counts = torch.as_tensor(
            np.array([np.r_[c, np.zeros(widest - len(c), int)] for c in counts]), device=device
        )
        self._starts = torch.cumsum(self._counts, dim=1) - self._counts
        self._logarithm = torch.log1p(self._counts.double())

    def _condition(self, column: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        made = torch.zeros((len(column), self._total), device=self._device)
        return made.scatter_(1, (self._first[column] + level)[:, None], 1.0)

    def _columns(self, n: int, random: torch.Generator) -> torch.Tensor:
        return torch.randint(len(self._first), (n,), generator=random, device=self._device)

    def by_logarithm(self, n: int, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Column and level of ``n`` conditions, and their vectors; levels by the logarithm of how often they are, so
        that rare ones are learnt.
        """
        column = self._columns(n, random)
        level = torch.multinomial(self._logarithm[column], 1, generator=random)[:, 0]
        return column, level, self._condition(column, level)

    def as_in_table(self, n: int, random: torch.Generator) -> torch.Tensor:
        """Vectors of ``n`` conditions as the table has them."""
        column = self._columns(n, random)
        row = torch.randint(self._n, (n,), generator=random, device=self._device)
        return self._condition(column, self._codes[row, column])

    def rows_with(self, column: torch.Tensor, level: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """For each condition a row of the table that meets it."""
        chance = torch.rand(len(column), generator=random, device=self._device, dtype=torch.float64)
        number = self._counts[column, level]
        place = torch.minimum((chance * number).long(), number - 1)
        return self._rows[self._starts[column, level] + place, column]


def _start(network: nn.Module, seed: int) -> None:
    """Weights as PyTorch starts linear layers, from a seed of our own."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Linear):
                bound = layer.in_features**-0.5
                for own in (layer.weight, layer.bias):
                    own.copy_((torch.rand(own.shape, generator=random) * 2 - 1) * bound)


def _batch(n: int, batch_rows: int) -> int:
    """A tenth of a small table: of one batch an epoch little is learnt. Whole packs."""
    return max(min(batch_rows, n // 10) // PACK, 1) * PACK
