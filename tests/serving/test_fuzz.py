"""Schemathesis fuzzes the API with its own OpenAPI document: no 500, and answers as documented."""

import os

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "12"))
EXTENSIVE = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_no_request_breaks_the_server(api, subtests):
    schema = schemathesis.openapi.from_url(f"{api.url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 15
    modes = schemathesis.GenerationMode
    for operation in operations:
        for mode in (modes.POSITIVE, modes.NEGATIVE):

            @given(case=operation.as_strategy(generation_mode=mode))
            @EXTENSIVE
            def fuzz(case):
                case.call_and_validate(checks=CHECKS, timeout=60)

            with subtests.test(operation=operation.label, mode=mode.name):
                try:
                    fuzz()
                except Unsatisfiable:
                    # Where any text is a valid id, there is nothing to get wrong.
                    assert mode is modes.NEGATIVE
    assert api.ended(api.submitted())["status"] == "completed"
