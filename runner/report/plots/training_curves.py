"""How an autoencoder learnt: its losses by epoch."""

from __future__ import annotations

from pathlib import Path

from runner.embed.families.autoencoder import TrainingRecord
from runner.report.plots.style import ACCENT, MUTED, PALETTE, headline, new_figure, save, tidy


def plot_training(record: TrainingRecord, name: str, path: Path) -> Path:
    """Draw the loss over the training and the validation part; the epoch that was kept is marked.

    Args:
        record: the training.
        name: of the embedding.
        path: PNG to write.
    """
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(7, 3.6)
    headline(figure, name)
    axes = figure.subplots()
    epochs = range(1, len(record.epochs) + 1)
    axes.plot(epochs, [epoch.training for epoch in record.epochs], color=MUTED, marker=".", label="training")
    axes.plot(epochs, [epoch.validation for epoch in record.epochs], color=ACCENT, marker=".", label="validation")
    axes.axvline(record.best_epoch, color=PALETTE[1], linewidth=1, linestyle=(0, (4, 3)), label="kept")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, fontsize=8)
    images = f"{record.training_images:,} images, {record.validation_images:,} for validation"
    tidy(axes, f"{images}, {record.seconds:,.0f} s", "epoch", f"loss ({record.loss})")
    return save(figure, path)
