"""`qbosync init`: looks at an export, asks what must be decided, writes the configuration.

Nothing is guessed about money: what is not answered stands in the file as a comment, and
what the file says is what was answered.
"""

from qbosync.init.answer import Answers, make_answers
from qbosync.init.export import Arrangement, Head, arrange, read_heads
from qbosync.init.question import Question, questions
from qbosync.init.survey import Month, Residual, Survey, Tally, survey
from qbosync.init.text import write_configuration

__all__ = [
    "Answers",
    "Arrangement",
    "Head",
    "Month",
    "Question",
    "Residual",
    "Survey",
    "Tally",
    "arrange",
    "make_answers",
    "questions",
    "read_heads",
    "survey",
    "write_configuration",
]
