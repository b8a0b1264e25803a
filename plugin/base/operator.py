"""What all operators have in common: a form that says what is wrong before anything runs, and plain failures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from inspect import isgenerator
from typing import Any, ClassVar

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..engine import engine_state
from .background import CancelledError

PATIENCE = 5.0
"""Seconds that the database may take to answer, before anything else is asked of it, or to note a sign of life."""

logger = logging.getLogger(__name__)


class EngineOperator(foo.Operator):
    """An operator that needs the engine. Subclasses state the attributes below, and write ``work``."""

    slug: str
    """Name in ``fiftyone.yml``."""
    label: str
    description: str
    icon: str
    risk: types.RiskLevel = types.RiskLevel.LOW
    options: ClassVar[dict[str, Any]] = {}
    """Further settings of ``OperatorConfig``."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name=self.slug,
            label=self.label,
            description=self.description,
            icon=self.icon,
            risk_level=self.risk,
            **self.options,
        )

    def execute(self, ctx: Any) -> Any:
        """Do the work; a ``RunnerError`` names what is wrong and the remedy, a database that is away included."""
        problem = engine_state().problem
        if problem is not None:
            raise RuntimeError(problem)
        from runner.integrations.fiftyone.connection import database_errors, require_database

        require_database(PATIENCE)
        with database_errors():
            done = self.work(ctx)
        return _told(ctx, done) if isgenerator(done) else done

    def work(self, ctx: Any) -> Any:
        """What the operator is for; returns JSON or a generator of messages for the App."""
        raise NotImplementedError


class FormOperator(EngineOperator):
    """An operator with a form; where the engine is missing, the form says what to install.

    Subclasses write ``form`` as well.
    """

    @property
    def config(self) -> foo.OperatorConfig:
        config = super().config
        config.dynamic = config.resolve_execution_options_on_change = True  # the form answers to what is chosen
        return config

    def resolve_input(self, ctx: Any) -> types.Property:
        """The form; with a notice and nothing else where there is something in the way."""
        inputs = types.Object()
        state = engine_state()
        if state.problem is not None:
            refuse(inputs, state.problem)
        else:
            if state.note is not None:
                inputs.view("engine_note", types.Warning(label=state.note))
            self._filled(ctx, inputs)
        return types.Property(inputs, view=types.View(label=self.label, description=self.description))

    def _filled(self, ctx: Any, inputs: types.Object) -> None:
        from runner.errors import RunnerError, UsageError
        from runner.integrations.fiftyone.connection import database_errors, require_database

        try:
            require_database(PATIENCE)
            with database_errors():
                if ctx.dataset is None:
                    raise UsageError("Open a dataset first.")
                self.form(ctx, inputs)
        except RunnerError as error:
            refuse(inputs, str(error))

    def form(self, ctx: Any, inputs: types.Object) -> None:
        """Add the fields; a ``RunnerError`` becomes a notice that keeps the form from being submitted."""


def _told(ctx: Any, messages: Iterator[Any]) -> Iterator[Any]:
    """The messages of a generator, and the failure that ends it: of a stream that breaks the App shows nothing, and of
    a scheduled run that fails without a database only the worker's log can tell.

    Raises:
        Exception: as the generator.
    """
    from runner.integrations.fiftyone.connection import database_errors

    try:
        with database_errors():
            yield from messages
    except Exception as error:
        sentence = str(error) or type(error).__name__
        if ctx.delegated:
            logger.error(sentence)
        else:
            yield ctx.ops.notify(sentence, variant="warning" if isinstance(error, CancelledError) else "error")
        raise


def refuse(inputs: types.Object, problem: str, name: str = "problem") -> None:
    """A notice that keeps the form from being submitted."""
    inputs.view(name, types.Error(label=problem), invalid=True, error_message=problem)


def grid_button(label: str, icon: str, *, prompt: bool = True) -> types.Placement:
    """A button over the samples grid."""
    return types.Placement(
        types.Places.SAMPLES_GRID_SECONDARY_ACTIONS, types.Button(label=label, icon=icon, prompt=prompt)
    )
