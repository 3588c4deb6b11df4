import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from skyreels_a2.pipeline.encodings import Encodings
from skyreels_a2.pipeline.engine import Engine


def count_encoders(pipeline):
    runs = []
    hooks = [
        module.register_forward_hook(lambda *_, name=name: runs.append(name))
        for name, module in {
            "text": pipeline.text_encoder,
            "pictures": pipeline.image_encoder,
            "vae": pipeline.vae.encoder,
        }.items()
    ]
    return runs, hooks


def test_a_second_seed_encodes_nothing_and_gives_its_own_frames(
    own_pipeline, request_of, frames_of, tmp_path
):
    plain = frames_of(own_pipeline, request_of(seed=8))
    own_pipeline.engine = Engine(encodings=Encodings(tmp_path, "tiny"))
    frames_of(own_pipeline, request_of(seed=7))
    runs, _ = count_encoders(own_pipeline)
    second = frames_of(own_pipeline, request_of(seed=8))
    assert runs == []
    assert np.array_equal(second, plain)


@pytest.mark.parametrize("change", [{"references": 3}, {"frames": 5}])
def test_other_pictures_or_sizes_are_encoded(own_pipeline, request_of, frames_of, tmp_path, change):
    own_pipeline.engine = Engine(encodings=Encodings(tmp_path, "tiny"))
    frames_of(own_pipeline, request_of())
    runs, _ = count_encoders(own_pipeline)
    frames_of(own_pipeline, request_of(**change))
    assert {"pictures", "vae"} <= set(runs)


def test_another_model_finds_nothing(tmp_path):
    make = lambda value: lambda: {"x": torch.full((2,), value)}  # noqa: E731
    Encodings(tmp_path, "one").get("text", make(1.0))
    assert Encodings(tmp_path, "two").get("text", make(2.0))["x"][0] == 2
    assert Encodings(tmp_path, "one").get("text", make(3.0))["x"][0] == 1


def test_a_torn_file_is_made_anew(tmp_path):
    store = Encodings(tmp_path, "m")
    store.get("a", lambda: {"x": torch.ones(4)})
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:20])
    assert store.get("a", lambda: {"x": torch.zeros(4)})["x"].sum() == 0
    assert store.get("a", lambda: {"x": torch.ones(4)})["x"].sum() == 0


def test_many_that_write_read_and_clean_at_once_get_what_they_asked_for(tmp_path):
    def work(worker):
        store = Encodings(tmp_path, "m", limit=4000)  # of which four fit
        for index in [*range(12), *range(12)]:
            what = (index + 3 * worker) % 12
            found = store.get(str(what), lambda what=what: {"x": torch.full((200,), float(what))})
            assert found["x"].eq(what).all()
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(6)))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 4000


def test_the_oldest_go_above_the_limit_and_foreign_files_stay(tmp_path):
    (tmp_path / "thesis.txt").write_text("x" * 10_000)
    store = Encodings(tmp_path, "m", limit=3000)
    for index in range(5):
        store.get(str(index), lambda: {"x": torch.zeros(200)})
        for age, path in enumerate(sorted(tmp_path.glob("*.safetensors"), key=os.path.getmtime)):
            os.utime(path, (1000 + age, 1000 + age))
    kept = list(tmp_path.glob("*.safetensors"))
    assert sum(path.stat().st_size for path in kept) <= 3000
    assert (tmp_path / "thesis.txt").is_file()
    assert store.get("4", lambda: {"x": torch.ones(1)})["x"].sum() == 0
