"""How failures are stored and shown: a refusal is an answer, so it is its sentence, without a stack trace."""

from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter, PayloadConverter
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory


class PlainAnswers(DefaultFailureConverter):
    """Leaves out where in the code an answer was given; an incident keeps its stack trace."""

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """Convert an exception."""
        if not isinstance(exception, ApplicationError) or exception.category != ApplicationErrorCategory.BENIGN:
            super().to_failure(exception, payload_converter, failure)
            return
        traceback, exception.__traceback__ = exception.__traceback__, None
        try:
            super().to_failure(exception, payload_converter, failure)
        finally:
            exception.__traceback__ = traceback


class EncodedPlainAnswers(PlainAnswers):
    """Besides, hands messages and stack traces to the payload codec."""

    def __init__(self) -> None:
        super().__init__(encode_common_attributes=True)
