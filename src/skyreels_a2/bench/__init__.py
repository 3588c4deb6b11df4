"""A2-Bench at home: suites of cases, metrics, honest sums, and a report.

Flow: a `Suite` has `Case`s; a `Composer` or a folder answers each with a video; `Footage` reads it
whatever state it is in; every metric gives a `Score`; a row a case goes to `scores.jsonl`; sums,
intervals and pages are made from the rows alone. Knows of models only that they are `Composer`s.
"""
