"""What all operators have in common: a form that says what is wrong before anything runs, and plain failures."""

from __future__ import annotations

from typing import Any, ClassVar

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .engine import engine_state


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
        """Do the work; a ``RunnerError`` names what is wrong and the remedy."""
        problem = engine_state().problem
        if problem is not None:
            raise RuntimeError(problem)
        return self.work(ctx)

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
        problem = state.problem or ("Open a dataset first." if ctx.dataset is None else None)
        if problem is not None:
            refuse(inputs, problem)
        else:
            if state.note is not None:
                inputs.view("engine_note", types.Warning(label=state.note))
            self._filled(ctx, inputs)
        return types.Property(inputs, view=types.View(label=self.label, description=self.description))

    def _filled(self, ctx: Any, inputs: types.Object) -> None:
        from runner.errors import RunnerError

        try:
            self.form(ctx, inputs)
        except RunnerError as error:
            refuse(inputs, str(error))

    def form(self, ctx: Any, inputs: types.Object) -> None:
        """Add the fields; a ``RunnerError`` becomes a notice that keeps the form from being submitted."""


def refuse(inputs: types.Object, problem: str, name: str = "problem") -> None:
    """A notice that keeps the form from being submitted."""
    inputs.view(name, types.Error(label=problem), invalid=True, error_message=problem)


def grid_button(label: str, icon: str, *, prompt: bool = True) -> types.Placement:
    """A button over the samples grid."""
    return types.Placement(
        types.Places.SAMPLES_GRID_SECONDARY_ACTIONS, types.Button(label=label, icon=icon, prompt=prompt)
    )
