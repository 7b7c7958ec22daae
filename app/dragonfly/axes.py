"""The search space as Dragonfly sees it: floats on [0, 1] (logarithmic ones by transform), whole numbers and lists."""

from __future__ import annotations

import ast
import math
from typing import Any, Callable

from dragonfly import load_config
from dragonfly.exd.experiment_caller import CPFunctionCaller

Config = dict[str, Any]


class Axis:
    """One searched dimension: ``{"name": …}`` and one of ``int: [low, high]``, ``float: [low, high]``, ``choice: […]``."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.name: str = spec["name"]
        self.kind = next(k for k in ("int", "float", "choice") if k in spec)
        self.range: list[Any] = spec[self.kind]
        self.log: bool = spec.get("log", False)

    @property
    def continuous(self) -> bool:
        """Floats, and whole numbers on a logarithmic axis, which are rounded on the way back."""
        return self.kind == "float" or (self.kind == "int" and self.log)

    def parameter(self) -> dict[str, Any]:
        """The entry of ``load_config``'s domain."""
        if self.continuous:
            return {"name": self.name, "type": "float", "min": 0.0, "max": 1.0}
        if self.kind == "int":
            return {"name": self.name, "type": "int", "min": self.range[0], "max": self.range[1]}
        if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in self.range):
            return {"name": self.name, "type": "discrete_numeric", "items": sorted(self.range)}
        return {"name": self.name, "type": "discrete", "items": [str(i) for i in range(len(self.range))]}

    def encode(self, value: Any) -> Any:
        """A value of the study as Dragonfly's coordinate."""
        if self.continuous:
            low, high = self._bounds()
            return (math.log(value) - low) / (high - low) if self.log else (value - low) / (high - low)
        if self.kind == "choice" and self.parameter()["type"] == "discrete":
            return str(self._place(value))
        return value

    def decode(self, coordinate: Any) -> Any:
        """Dragonfly's coordinate as a value of the study, inside its range and of its kind."""
        if self.continuous:
            low, high = self._bounds()
            along = low + min(max(float(coordinate), 0.0), 1.0) * (high - low)
            value = math.exp(along) if self.log else along
            value = round(value) if self.kind == "int" else value
            return min(max(value, self.range[0]), self.range[1])
        if self.kind == "int":
            return min(max(int(coordinate), self.range[0]), self.range[1])
        if self.parameter()["type"] == "discrete":
            return self.range[int(coordinate)]
        return min(self.range, key=lambda v: abs(v - float(coordinate)))

    def _bounds(self) -> tuple[float, float]:
        low, high = self.range
        if self.kind == "int":  # every whole number owns a cell of the axis
            low, high = low - 0.5, high + 0.5
        return (math.log(low), math.log(high)) if self.log else (float(low), float(high))

    def _place(self, value: Any) -> int:
        return next(i for i, v in enumerate(self.range) if v == value and isinstance(v, bool) == isinstance(value, bool))


class Domain:
    """All axes, the fixed values and the conditions, with the caller that Dragonfly's optimisers are made of."""

    def __init__(self, axes: list[dict[str, Any]], fixed: Config, where: list[str]) -> None:
        self.axes = [Axis(a) for a in axes]
        self.fixed = fixed
        self.conditions = [_condition(text) for text in where]
        spec: dict[str, Any] = {"domain": [a.parameter() for a in self.axes]}
        if where:
            spec["domain_constraints"] = [{"name": "where", "constraint": self._allows_raw}]
        loaded = load_config(spec)
        self.caller = CPFunctionCaller(None, loaded.domain, domain_orderings=loaded.domain_orderings)

    def encode(self, config: Config) -> list[Any]:
        """A configuration as Dragonfly's raw point."""
        return [a.encode(config[a.name]) for a in self.axes]

    def decode(self, raw: list[Any]) -> Config:
        """Dragonfly's raw point as a configuration; fixed values are left out."""
        return {a.name: a.decode(x) for a, x in zip(self.axes, raw)}

    def processed(self, config: Config) -> list[Any]:
        """A configuration in the grouped form that points in progress have."""
        return self.caller.get_processed_domain_point_from_raw(self.encode(config))

    def _allows_raw(self, raw: list[Any]) -> bool:
        names = {**self.decode(raw), **self.fixed}
        return all(condition(names) for condition in self.conditions)


def _condition(text: str) -> Callable[[Config], bool]:
    """Compile a condition. Perch has checked that it only compares; calls and attributes are refused here once more."""
    tree = ast.parse(text, mode="eval")
    if any(isinstance(node, (ast.Call, ast.Attribute, ast.Subscript, ast.Lambda)) for node in ast.walk(tree)):
        raise ValueError(f"a condition may only compare: {text}")
    code = compile(tree, "<where>", "eval")
    return lambda names: bool(eval(code, {"__builtins__": {}}, names))
