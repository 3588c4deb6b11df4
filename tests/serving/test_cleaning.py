"""What is deleted when, and what never is."""

import os
import time

import pytest

from skyreels_a2.serving.cleaning import DAY, Cleaned, Cleaner
from skyreels_a2.serving.elements import ElementStore
from skyreels_a2.serving.files import DataFolder
from skyreels_a2.serving.jobs import Job, new_id
from skyreels_a2.serving.sqlite import SQLite
from skyreels_a2.serving.store import JobStore

ROOM = {"max_queued": 100, "max_own": 100}


class Place:
    """A data folder with jobs in it."""

    def __init__(self, path):
        self.files = DataFolder(path)
        self.files.prepare()
        self.database = SQLite(self.files.database)
        self.store, self.elements = JobStore(self.database), ElementStore(self.database)

    def cleaner(self, *, keep_days=30.0, disk_quota=2**40):
        return Cleaner(
            self.store, self.elements, self.files, keep_days=keep_days, disk_quota=disk_quota
        )

    def job(self, state, *, size=1000):
        new = Job(id=new_id("video"), owner="o", client="o", model="m", body="{}", work=1.0)
        self.files.fill(self.files.job(new.id), [b"p" * 10])
        self.store.add(new, **ROOM)
        if state != "queued":
            job = self.store.claim(lease=30, models=["m"])
            (self.files.job(new.id) / "r.mp4").write_bytes(b"x" * size)
            if state == "completed":
                self.store.finish(job, result="r.mp4", num_bytes=size)
        return new.id

    def has(self, video):
        return self.store.get(video) is not None, self.files.job(video).is_dir()


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path / "data")
    yield made
    made.database.close()


def test_results_go_when_they_are_old_and_not_before(place):
    done = place.job("completed")
    assert place.cleaner().clean(now=time.time() + 29 * DAY).expired == 0
    assert place.cleaner().clean(now=time.time() + 31 * DAY).expired == 1
    assert place.has(done) == (False, False)


def test_the_oldest_results_go_when_the_folder_is_too_full(place):
    videos = [place.job("completed", size=100_000) for _ in range(4)]
    used = place.files.num_bytes()
    assert place.cleaner(disk_quota=used - 150_000).clean().over_quota == 2
    assert [place.has(video)[0] for video in videos] == [False, False, True, True]


def test_what_waits_or_runs_is_kept_whatever_the_quota(place):
    running, waiting = place.job("running"), place.job("queued")
    for name in (running, waiting):
        os.utime(place.files.job(name), (0, 0))
    place.cleaner(keep_days=0.0, disk_quota=0).clean(now=time.time() + 1000 * DAY)
    assert place.has(running) == place.has(waiting) == (True, True)


def test_what_the_store_does_not_know_goes_after_an_hour(place):
    folder = place.files.job(new_id("video"))
    place.files.fill(folder, [b"x"])
    assert place.cleaner().clean().orphans == 0
    assert place.cleaner().clean(now=time.time() + 2 * 3600).orphans == 1
    assert not folder.exists()


def test_unused_uploads_go_after_a_day_and_jobs_keep_theirs(place):
    picture = new_id("picture")
    place.files.save_picture("o", picture, b"png")
    used = place.files.job(new_id("video"))
    place.files.fill(used, [place.files.picture("o", picture)])
    assert place.cleaner().clean(now=time.time() + 1800) == Cleaned()
    cleaned = place.cleaner().clean(now=time.time() + 2 * DAY)
    assert cleaned.uploads == 1
    assert not place.files.picture("o", picture).exists()


def test_deleting_an_element_leaves_the_jobs_that_use_it(api):
    element = api.save_element("carla").json["id"]
    asked = {"prompt": "@carla waves", "num_frames": 5}
    job = api.ask("POST", "/v1/videos", asked).json
    assert api.ask("DELETE", f"/v1/elements/{element}").status == 200
    assert api.ended(job["id"])["status"] == "completed"
    assert api.get(f"/v1/videos/{job['id']}/references/0").status == 200
    assert api.ask("POST", "/v1/videos", asked).status == 422


def test_deleting_a_video_deletes_its_files(api):
    video = api.submitted()
    api.ended(video)
    assert api.ask("DELETE", f"/v1/videos/{video}").json["status"] == "deleted"
    assert api.get(f"/v1/videos/{video}").status == 404
    assert api.get(f"/v1/videos/{video}/content").status == 404
