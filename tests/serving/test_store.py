"""The job store, on SQLite and on PostgreSQL: order, turns, leases, fences."""

import threading
import time
from dataclasses import replace

import pytest

from skyreels_a2.serving.jobs import Job, new_id
from skyreels_a2.serving.postgres import Postgres
from skyreels_a2.serving.sqlite import SQLite
from skyreels_a2.serving.store import JobStore, QueueFullError

ROOM = {"max_queued": 1000, "max_own": 1000}
MODELS = ["a", "b"]


@pytest.fixture(params=["sqlite", "postgres"])
def database(request, tmp_path):
    if request.param == "sqlite":
        made = SQLite(tmp_path / "jobs.sqlite")
    else:
        made = Postgres(request.getfixturevalue("postgres_url"))
    yield made
    made.close()


@pytest.fixture
def store(database):
    return JobStore(database)


def job(owner="anna", **changes):
    kept = {"client": owner, "model": "a", "body": "{}", "work": 1.0, **changes}
    return Job(id=new_id("video"), owner=owner, **kept)


def add(store, *jobs):
    return [store.add(one, **ROOM)[0].id for one in jobs]


def claim(store, *, lease=30.0, loaded=None):
    return store.claim(lease=lease, models=MODELS, loaded=loaded)


def taken(store):
    return [one.id for one in iter(lambda: claim(store), None)]


def test_jobs_go_in_the_order_they_came(store):
    ids = add(store, job(), job(), job())
    assert [one.id for one in store.waiting()] == ids
    assert taken(store) == ids


def test_higher_priority_goes_first(store):
    low, high = add(store, job(), job(priority=5))
    assert taken(store) == [high, low]


def test_clients_take_turns(store):
    many = add(store, *(job("anna") for _ in range(3)))
    (one,) = add(store, job("ben"))
    shown = [waiting.id for waiting in store.waiting()]
    assert shown == [many[0], one, many[1], many[2]]
    assert taken(store)[:2] == [many[0], one]


def test_jobs_of_the_loaded_model_go_first_among_equals(store):
    other, same = add(store, job("anna"), job("ben", model="b"))
    assert claim(store, loaded="b").id == same
    assert claim(store, loaded="b").id == other


def test_a_worker_takes_only_what_it_can_load(store):
    add(store, job(model="unknown"))
    assert claim(store) is None


def test_what_an_older_attempt_reports_no_longer_counts(store):
    add(store, job())
    old = claim(store, lease=0.0)
    time.sleep(0.02)
    assert store.requeue_lost() == [old.id]
    new = claim(store)
    assert (new.id, new.token != old.token) == (old.id, True)
    assert store.report(old, progress=("sample", 1, 2), lease=30) is None
    assert store.finish(old, result="old.mp4", num_bytes=1) is None
    assert store.finish(new, result="new.mp4", num_bytes=2).result == "new.mp4"
    assert store.finish(new, result="twice.mp4", num_bytes=3) is None
    assert store.get(new.id).result == "new.mp4"


def test_an_attempt_that_reports_keeps_its_lease(store):
    add(store, job())
    attempt = claim(store, lease=0.0)
    store.report(attempt, progress=("sample", 1, 2), lease=30)
    assert store.requeue_lost() == []


def test_many_workers_never_take_one_job_twice(store):
    ids, got = set(add(store, *(job(f"c{i % 3}") for i in range(30)))), []

    def work():
        while (one := claim(store)) is not None:
            got.append(one.id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), set(got)) == (30, ids)


def test_a_crash_is_forgiven_once(store):
    (video,) = add(store, job())
    assert store.crashed(claim(store), error="it died").state == "queued"
    assert store.crashed(claim(store), error="it died again").state == "failed"
    assert store.get(video).error == "it died again"


def test_cancelling_ends_what_waits_and_asks_what_runs(store):
    running, waiting = add(store, job(), job())
    attempt = claim(store)
    assert store.cancel(waiting).state == "cancelled"
    assert store.cancel(running).state == "in_progress"
    assert store.report(attempt, progress=("sample", 1, 2), lease=30).cancelling
    assert store.fail(attempt, error="", error_type="cancelled").state == "cancelled"


def test_a_full_queue_takes_no_more(store):
    store.add(job(), max_queued=1, max_own=9)
    with pytest.raises(QueueFullError, match="the queue is full"):
        store.add(job("ben"), max_queued=1, max_own=9)
    with pytest.raises(QueueFullError, match="your share"):
        store.add(job(), max_queued=9, max_own=1)


def test_pages_go_on_where_the_last_one_ended(store):
    ids = add(store, *(job() for _ in range(5)))
    add(store, job("ben"))
    first = [one.id for one in store.page("anna", limit=3)]
    rest = [one.id for one in store.page("anna", limit=3, after=first[-1])]
    assert first + rest == ids[::-1]


def test_a_repeated_request_finds_its_job_and_other_owners_do_not(store):
    first, new = store.add(job(idempotency_key="k"), **ROOM)
    again, newer = store.add(job(idempotency_key="k"), **ROOM)
    other, others = store.add(job("ben", idempotency_key="k"), **ROOM)
    assert (new, newer, others) == (True, False, True)
    assert again.id == first.id != other.id


def test_a_job_that_is_open_is_never_forgotten(store):
    waiting, running = add(store, job(), job())
    claim(store)
    assert not store.forget(waiting)
    assert not store.forget(running)
    store.cancel(running)
    assert store.get(waiting)


def test_the_pace_is_that_of_jobs_that_were_made(store):
    assert store.pace("a") is None
    add(store, job(work=10.0))
    store.finish(claim(store), result="x.mp4", num_bytes=1)
    assert 0 <= store.pace("a") < 1
    assert store.pace("b") is None


def test_what_was_written_is_there_for_the_next(database, store):
    (video,) = add(store, replace(job(), body="ä ☃"))
    assert JobStore(database).get(video).body == "ä ☃"
    assert JobStore(database).get(video, owner="ben") is None
