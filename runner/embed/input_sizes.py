"""Whether a model can take a size of image, found out before anything runs."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from runner.embed.families.registry import family_of
from runner.embed.recipe import ModelRecipe
from runner.errors import UsageError
from runner.utils.checked_files import UNREADABLE, read_checked, write_checked


def require_resolution(recipe: ModelRecipe, resolution: int, cache_dir: Path) -> str | None:
    """Raise UsageError if the model of ``recipe`` can't take ``resolution``.

    Returns:
        a sentence for the user if it can, but not all of the image is used; None otherwise.
    """
    if resolution == recipe.resolution:
        return None
    architecture = recipe.architecture
    if not architecture.any_resolution:
        raise UsageError(f"{recipe.model} takes images of {recipe.resolution} px only, not of {resolution} px")
    smallest = family_of(recipe).smallest_size(architecture)
    if smallest is not None:
        if resolution < smallest:
            raise UsageError(f"{recipe.name} needs images of {smallest} px at least, not of {resolution} px")
        return None
    patch = architecture.patch_size
    if patch is None:
        reason = _tried(recipe, resolution, cache_dir)
        if reason:
            own = f"its own size is {recipe.resolution} px"
            raise UsageError(f"{recipe.model} can't take images of {resolution} px ({reason}); {own}")
        return None
    if resolution < patch:
        raise UsageError(f"{recipe.model} can't take images of {resolution} px: a single patch of it has {patch} px")
    if resolution % patch == 0:
        return None
    used = resolution - resolution % patch
    return (
        f"{recipe.model} at {resolution} px looks at {used} × {used} px of the square, as its patches have {patch} px; "
        f"{used} or {used + patch} px would be used in full"
    )


def _tried(recipe: ModelRecipe, resolution: int, cache_dir: Path) -> str:
    """Why the network refuses the size, "" if it does not; remembered, as finding out takes torch."""
    network = json.dumps(
        [recipe.model_config or recipe.architecture.name, recipe.resolution, resolution], sort_keys=True
    )
    digest = hashlib.blake2b(network.encode(), digest_size=12).hexdigest()
    distribution = family_of(recipe).distribution
    memory = cache_dir.expanduser() / "models" / f"sizes-{distribution}-{version(distribution)}" / f"{digest}.json"
    known = read_checked(memory, _is_text)
    if known is not None:
        return str(json.loads(known))
    reason = _try(recipe, resolution)
    write_checked(memory, json.dumps(reason).encode())
    return reason


def _is_text(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), str)
    except UNREADABLE:
        return False


def _try(recipe: ModelRecipe, resolution: int) -> str:
    """Run the network once without memory for its tensors, which takes no arithmetic but checks every shape."""
    import torch

    networks = family_of(recipe).networks
    try:
        with torch.inference_mode():
            network = networks.resized(recipe, networks.empty(recipe), resolution)
            network(torch.empty(1, 3, resolution, resolution, device="meta"))
    except (AssertionError, RuntimeError, ValueError, TypeError, IndexError) as error:
        return (str(error).splitlines() or [type(error).__name__])[0]
    return ""
