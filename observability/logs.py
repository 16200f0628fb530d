"""JSON lines to stderr, each with the context of its request and without its secrets.

structlog is at home here alone. Everybody else is handed a ``Log``:

    log = logs.get("services.valuations")
    log.info("valued", kind="DCF", duration_ms=0.4)

Nothing process-wide is configured: each ``Logs`` has its own pipeline and stream. Only ``adopt``
touches the standard library's loggers, which uvicorn and others write to.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, BinaryIO, Protocol

from observability.redaction import clean_text, redact
from observability.tracing import current_trace_id

_context: ContextVar[Mapping[str, Any] | None] = ContextVar("valor_log_context", default=None)
LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
# It writes the document, with what is in it, beside each error that a resolver raised; whoever
# executes operations logs the exception itself.
_SILENCED = "strawberry.execution"
_QUIET = "alembic"  # at INFO it tells of each plugin that it sets up
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access")
_NAMES = {number: name.lower() for name, number in LEVELS.items()}


class Log(Protocol):
    """What a room needs to say something. ``event`` is a constant; what varies is a field."""

    def debug(self, event: str, **fields: Any) -> None:
        """For who develops."""

    def info(self, event: str, **fields: Any) -> None:
        """Something happened."""

    def warning(self, event: str, **fields: Any) -> None:
        """Somebody should look at it one day."""

    def error(self, event: str, **fields: Any) -> None:
        """Somebody should look at it now."""

    def exception(self, event: str, **fields: Any) -> None:
        """An error, with the exception that is being handled."""


def bind(**fields: Any) -> None:
    """Add fields (request id, tenant, principal, operation) to every line of this context.

    A request that has a task of its own needs nothing else: its context ends with it.
    """
    _context.set({**(_context.get() or {}), **fields})


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """The same for the length of a block."""
    token = _context.set({**(_context.get() or {}), **fields})
    try:
        yield
    finally:
        _context.reset(token)


class Logs:
    """One pipeline: a level, a stream, JSON or a console for people."""

    def __init__(
        self, level: str = "INFO", *, console: bool = False, stream: BinaryIO | None = None
    ) -> None:
        """``console`` is for a developer's terminal. ``stream`` is stderr unless it is given.

        Raises ValueError for a level that is none.
        """
        if level.upper() not in LEVELS:
            raise ValueError(f"log level {level!r} is none of {', '.join(LEVELS)}")
        self.level = LEVELS[level.upper()]
        self._console = console
        self._stream = stream
        self._root: Any = None

    def get(self, name: str) -> Log:
        """The logger of one room or file."""
        return _Named(self, name)

    def adopt(self) -> Callable[[], None]:
        """Take what libraries write by the standard library, uvicorn's loggers among them.

        Process-wide, so only for a process that serves; returns the function that undoes it.
        """
        named = [logging.getLogger(name) for name in (*_OWN_HANDLERS, _SILENCED)]
        root = logging.getLogger()
        quiet = logging.getLogger(_QUIET)
        before = [(it, it.handlers[:], it.level, it.propagate) for it in (root, quiet, *named)]
        for logger in named:
            logger.handlers[:] = []
            logger.propagate = logger.name != _SILENCED
        named[-1].addHandler(logging.NullHandler())
        root.handlers[:] = [_Bridge(self)]
        root.setLevel(max(self.level, logging.INFO))
        quiet.setLevel(logging.WARNING)

        def release() -> None:
            for logger, handlers, level, propagate in before:
                logger.handlers[:] = handlers
                logger.setLevel(level)
                logger.propagate = propagate

        return release

    def logger(self, name: str) -> Any:
        """structlog's bound logger; built when the first line is written."""
        if self._root is None:
            self._root = self._pipeline()
        return self._root.bind(logger=name)

    def _pipeline(self) -> Any:
        # Imported with the first line: a tenth of a second that a start, or a command that says
        # nothing, need not pay.
        import orjson
        import structlog

        def written(event: Any, **options: Any) -> bytes:
            try:
                return orjson.dumps(event, default=options.get("default"))
            except TypeError:  # half a surrogate pair, an integer of more than 64 bits
                return json.dumps(event, default=str).encode()

        # No locals: they hold inputs.
        frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=20)
        stream = self._stream if self._stream is not None else sys.stderr.buffer
        stamp = [
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ]
        if self._console:
            # The plain formatter: the pretty one prints locals.
            pretty = structlog.dev.ConsoleRenderer(
                exception_formatter=structlog.dev.plain_traceback
            )
            steps: list[Any] = [_with_context, _redacted, *stamp, pretty, _encoded]
        else:
            raised = structlog.processors.ExceptionRenderer(frames)
            rendered = structlog.processors.JSONRenderer(serializer=written)
            steps = [_with_context, raised, _redacted, *stamp, rendered]
        return structlog.wrap_logger(
            structlog.BytesLogger(stream),
            processors=steps,
            wrapper_class=structlog.make_filtering_bound_logger(self.level),
            context_class=dict,
        )


class _Named:
    """A Log that builds its logger when it has something to say."""

    __slots__ = ("_bound", "_logs", "_name")

    def __init__(self, logs: Logs, name: str) -> None:
        self._logs = logs
        self._name = name
        self._bound: Any = None

    def debug(self, event: str, **fields: Any) -> None:
        self.write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        self.write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self.write(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        self.write(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        self.write(logging.ERROR, event, {"exc_info": True, **fields})

    def write(self, level: int, event: str, fields: dict[str, Any]) -> None:
        if level < self._logs.level:
            return
        if self._bound is None:
            self._bound = self._logs.logger(self._name)
        getattr(self._bound, _NAMES[level])(event, **fields)


class _Bridge(logging.Handler):
    """Records of the standard library as lines of ours."""

    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        level = min(LEVELS.values(), key=lambda known: abs(known - record.levelno))
        fields: dict[str, Any] = {}
        if record.name == "uvicorn.access" and isinstance(record.args, tuple):
            # (client, method, path with its query, HTTP version, status): a GET has its document
            # and variables in the query.
            client, method, path, _, status = record.args
            event = "request"
            fields.update(
                client=client, method=method, path=str(path).partition("?")[0], status=status
            )
        else:
            event = record.getMessage()
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        _Named(self._logs, record.name).write(level, event, fields)


def _with_context(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """The line's own fields win over those of its context."""
    trace_id = current_trace_id()
    traced = {"trace_id": trace_id} if trace_id is not None else {}
    return {**traced, **(_context.get() or {}), **event}


def _redacted(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    said = event.pop("event", "")
    error = {"exc_info": event.pop("exc_info")} if "exc_info" in event else {}  # for the console
    return {"event": clean_text(str(said)), **redact(event), **error}


def _encoded(_logger: Any, _method: str, text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
