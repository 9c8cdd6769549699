"""The hostile answers and the honest controls, each with what it has to get. Runs nothing.

The rows stand in `spoofs` (claiming a pass), `bombs` (exhausting the judge, touching the host, breaking the reader) and
`controls` (honest, but unusual); what the published rule says of them in `official`.
"""

from bombs import BOMBS
from controls import CONTROLS as _CONTROLS
from official import official
from rows import Answer
from spoofs import SPOOFS


def _judged(answer: Answer) -> Answer:
    return answer._replace(official=official(answer.category, answer.name))


HOSTILE = [_judged(answer) for answer in (*SPOOFS, *BOMBS)]
CONTROLS = [_judged(answer) for answer in _CONTROLS]
