"""How the rig's central reports what it sees: lines of JSON."""

import json
from typing import Any


class StepError(Exception):
    """A step did not see what it should; the message is a sentence for a person."""


def report(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, **fields}, ensure_ascii=False), flush=True)
