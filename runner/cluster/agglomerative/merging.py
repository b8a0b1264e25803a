"""Merging every pair of clusters that is provably each other's nearest, as far as the candidates reach."""

from __future__ import annotations

import numpy as np

from runner.cluster.agglomerative.active_clusters import (
    ABSORBED,
    BLOCKED,
    CHAINED,
    UNRESOLVED,
    UNSEEN,
    bring_all_up_to_date,
    dot,
    nearest,
)
from runner.utils.compiled import compiled


@compiled(nogil=True)
def merge_resolved(clusters, ward, merges, heights):  # type: ignore[no-untyped-def]
    """Merge until every cluster waits for one whose nearest cluster has to be searched.

    Follows chains of ever nearer neighbours; at a chain's end are two clusters that are each other's nearest, which
    any order of merging joins sooner or later. Clusters in need of a search are left ``UNRESOLVED``.

    Args:
        clusters: ``ActiveClusters``, changed in place.
        ward: Ward's distance, else average cosine.
        merges: int32, shape (m, 2), filled with a row of each merged cluster.
        heights: float64, shape (m,), filled with their distances.

    Returns:
        how many merges there were.
    """
    n_slots = len(clusters.numbers)
    chain = np.empty(n_slots, dtype=np.int64)
    done = 0
    while True:
        for slot in range(n_slots):
            if clusters.states[slot] != ABSORBED:
                clusters.states[slot] = UNSEEN
        before = done
        for start in range(n_slots):
            if clusters.states[start] == UNSEEN:
                done = _follow_chain(clusters, ward, start, chain, merges, heights, done)
        if done == before:
            return done


@compiled(nogil=True)
def _follow_chain(clusters, ward, start, chain, merges, heights, done):  # type: ignore[no-untyped-def]
    length = _push(clusters, chain, 0, start)
    while length > 0:
        slot = chain[length - 1]
        other, height = nearest(clusters, ward, slot)
        if other < 0:
            clusters.states[slot] = UNRESOLVED
            break
        following, bound = nearest(clusters, ward, other)
        # In a tie too: whichever is merged first, the others' distances do not fall below it. A cluster that is on the
        # chain waits for a nearer one than any before it, so that only a tie up to rounding leads back there.
        if height <= bound or clusters.states[other] == CHAINED:
            merges[done, 0], merges[done, 1] = clusters.rows[slot], clusters.rows[other]
            heights[done] = height
            done += 1
            length = _pop(clusters, chain, length, other)
            _merge(clusters, ward, slot, other, height)
            if length == 0:
                length = _push(clusters, chain, 0, slot)
        elif following < 0:
            clusters.states[other] = UNRESOLVED
            break
        elif clusters.states[other] != UNSEEN:
            break
        else:
            length = _push(clusters, chain, length, other)
    for place in range(length):
        if clusters.states[chain[place]] == CHAINED:
            clusters.states[chain[place]] = BLOCKED
    return done


@compiled(nogil=True)
def _push(clusters, chain, length, slot):  # type: ignore[no-untyped-def]
    chain[length] = slot
    clusters.states[slot] = CHAINED
    return length + 1


@compiled(nogil=True)
def _pop(clusters, chain, length, other):  # type: ignore[no-untyped-def]
    """Take the last cluster off the chain, and all from ``other`` on if that is on it (as the last but one, mostly)."""
    until_other = clusters.states[other] == CHAINED
    while True:
        length -= 1
        clusters.states[chain[length]] = UNSEEN
        if not until_other or chain[length] == other:
            return length


@compiled(nogil=True)
def _merge(clusters, ward, kept, gone, height):  # type: ignore[no-untyped-def]
    """Join the clusters of two slots in the slot ``kept``, under a new number."""
    number = clusters.next_number[0]
    clusters.next_number[0] += 1
    clusters.parents[clusters.numbers[kept]] = number
    clusters.parents[clusters.numbers[gone]] = number
    _merge_candidates(clusters, ward, kept, gone, height)
    a, b = clusters.sizes[kept], clusters.sizes[gone]
    centroid = clusters.centroids[kept]
    for axis in range(len(centroid)):
        centroid[axis] = (a * centroid[axis] + b * clusters.centroids[gone, axis]) / (a + b)
    if ward:
        clusters.offsets[kept] = dot(centroid, centroid)
    else:
        clusters.offsets[kept] = (a * clusters.offsets[kept] + b * clusters.offsets[gone]) / (a + b)
    clusters.sizes[kept] = a + b
    clusters.numbers[kept] = number
    clusters.slots[number] = kept
    clusters.states[gone] = ABSORBED


@compiled(nogil=True)
def _bound_after_merge(ward, a, b, x, to_a, to_b, between):  # type: ignore[no-untyped-def]
    """Distance of a cluster of size x to the union of those of sizes a and b (Lance and Williams 1967).

    It rises with either distance, so that bounds give a bound; for Ward it rises with x as well.
    """
    if ward:
        return ((a + x) * to_a + (b + x) * to_b - x * between) / (a + b + x)
    return (a * to_a + b * to_b) / (a + b)


@compiled(nogil=True)
def _merge_candidates(clusters, ward, kept, gone, height):  # type: ignore[no-untyped-def]
    """Unite two lists; what only one of them names is at least the other's radius away from the other."""
    a, b = clusters.sizes[kept], clusters.sizes[gone]
    bring_all_up_to_date(clusters, kept)
    bring_all_up_to_date(clusters, gone)
    own, theirs = clusters.counts[kept], clusters.counts[gone]
    numbers = np.empty(own + theirs, dtype=np.int32)
    bounds = np.empty(own + theirs)
    merged = clusters.next_number[0] - 1
    filled = 0
    for place in range(own):
        number = clusters.candidates[kept, place]
        to_gone = clusters.radii[gone]
        for match in range(theirs):
            if clusters.candidates[gone, match] == number:
                to_gone = clusters.bounds[gone, match]
                clusters.candidates[gone, match] = merged
        if number != merged:
            x = clusters.sizes[clusters.slots[number]]
            numbers[filled] = number
            bounds[filled] = _bound_after_merge(ward, a, b, x, clusters.bounds[kept, place], to_gone, height)
            filled += 1
    for place in range(theirs):
        number = clusters.candidates[gone, place]
        if number != merged:
            x = clusters.sizes[clusters.slots[number]]
            to_gone = clusters.bounds[gone, place]
            numbers[filled] = number
            bounds[filled] = _bound_after_merge(ward, a, b, x, clusters.radii[kept], to_gone, height)
            filled += 1
    radius = _bound_after_merge(ward, a, b, 1.0, clusters.radii[kept], clusters.radii[gone], height)
    _keep_lowest(clusters, kept, numbers[:filled], bounds[:filled], radius)


@compiled(nogil=True)
def _keep_lowest(clusters, slot, numbers, bounds, radius):  # type: ignore[no-untyped-def]
    """Fill a slot's list with the lowest bounds within the radius; what is left out limits the radius."""
    count = len(bounds)
    while count > clusters.candidates.shape[1]:
        highest = 0
        for place in range(1, count):
            if bounds[place] > bounds[highest]:
                highest = place
        radius = min(radius, bounds[highest])
        count -= 1
        numbers[highest], bounds[highest] = numbers[count], bounds[count]
    kept = 0
    for place in range(count):
        if bounds[place] <= radius:
            clusters.candidates[slot, kept] = numbers[place]
            clusters.bounds[slot, kept] = bounds[place]
            clusters.exact[slot, kept] = False
            kept += 1
    clusters.counts[slot] = kept
    clusters.radii[slot] = radius
