"""Every public function says what it does and shows an example that runs."""

from __future__ import annotations

import inspect

import nestwise as nw

# Their first three arguments are named in the public interface.
SEVERAL = {"describe", "center", "simulate_schools"}


def _public_functions() -> dict[str, object]:
    exported = {name: getattr(nw, name) for name in nw.__all__}
    return {name: f for name, f in exported.items() if inspect.isfunction(f)}


def test_public_functions_have_examples() -> None:
    functions = _public_functions()
    assert len(functions) > 5
    without = [n for n, f in functions.items() if "Examples\n" not in (inspect.getdoc(f) or "")]
    assert without == []


def test_two_positional_arguments_at_most() -> None:
    many = {}
    for name, function in _public_functions().items():
        kinds = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
        positional = [p.name for p in kinds if p.kind is p.POSITIONAL_OR_KEYWORD]
        if len(positional) > 2 and name not in SEVERAL:
            many[name] = positional
    assert many == {}
