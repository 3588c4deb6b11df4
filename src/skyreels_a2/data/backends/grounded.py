"""Subjects by their names: an open-vocabulary detector finds them, SAM2 follows them.

Several frames are looked at, and the one where most is found is followed both ways: pipelines that
look at the first frame only miss what enters late.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skyreels_a2.data.backends.open_vocabulary import Detection, OpenVocabularyDetector
from skyreels_a2.data.backends.protocols import Sighting, Track
from skyreels_a2.data.backends.sam2 import Masks, Sam2Tracker
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.records import Kind

LOOKS = (0.15, 0.5, 0.85)
"""Where in a shot, from 0 to 1, the detector looks."""
_CHARACTERS = frozenset({"person", "animal", "man", "woman", "child", "dog", "cat"})


class GroundedSegmenter:
    """A `Segmenter` of learned models.

    Args:
        detector: Finds what the words name.
        tracker: Follows it.
        words: What to look for.
        sample_fps: Frames a second that are followed through.
    """

    def __init__(
        self,
        detector: OpenVocabularyDetector,
        tracker: Sam2Tracker,
        *,
        words: Sequence[str],
        sample_fps: float = 6.0,
    ) -> None:
        self._detector, self._tracker = detector, tracker
        self._words, self._sample_fps = tuple(words), sample_fps

    def tracks(self, footage: Footage) -> Sequence[Track]:
        """What the words name in the shot, each thing once; nothing if nothing is found."""
        numbers = footage.numbers(self._sample_fps)
        start, found = self._best_look(footage, numbers)
        if not found:
            return []
        frames = [footage.frames[number] for number in numbers]
        masks = self._tracker.track(frames, [one.box for one in found], start=start)
        tracks = [_track(*pair, numbers) for pair in zip(found, masks, strict=True)]
        return [track for track in tracks if track.sightings]

    def _best_look(self, footage: Footage, numbers: Sequence[int]) -> tuple[int, list[Detection]]:
        """Which of the sampled frames shows most, and what; the surer of equals."""
        places = sorted({round(share * (len(numbers) - 1)) for share in LOOKS})
        looks = [
            (place, self._detector.detect(footage.frames[numbers[place]], self._words))
            for place in places
        ]
        return max(looks, key=lambda look: (len(look[1]), sum(one.score for one in look[1])))


def _track(found: Detection, masks: Masks, numbers: Sequence[int]) -> Track:
    sightings = tuple(
        Sighting(number, np.asarray(mask), found.score)
        for number, mask in zip(numbers, masks, strict=True)
        if mask.any()
    )
    kind = Kind.CHARACTER if found.word in _CHARACTERS else Kind.OBJECT
    return Track(sightings, found.word, kind)
