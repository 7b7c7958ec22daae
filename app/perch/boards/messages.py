"""TensorBoard's messages as bytes: scalars of one epoch, hyperparameters of one trial, its end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from perch.dimension import Choice
from perch.numeric import is_finite
from perch.space import Space


def version(wall_s: float) -> bytes:
    """The first record of every event file."""
    from tensorboard.compat.proto.event_pb2 import Event

    return bytes(Event(wall_time=wall_s, file_version="brain.Event:2").SerializeToString())


def scalars(wall_s: float, step: int, values: Mapping[str, float]) -> bytes:
    """All scalars of one epoch in one record; what is not a finite number is left out."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    numbers = [Summary.Value(tag=k, simple_value=float(v)) for k, v in values.items() if is_finite(v)]
    return bytes(Event(wall_time=wall_s, step=step, summary=Summary(value=numbers)).SerializeToString())


def hparams(wall_s: float, name: str, config: Mapping[str, str | float | bool]) -> bytes:
    """Hyperparameters of one trial, for the HParams page."""
    from tensorboard.plugins.hparams import summary_v2

    return _event(wall_s, summary_v2.hparams_pb(dict(config), trial_id=name, start_time_secs=wall_s))


def end(wall_s: float, *, failed: bool) -> bytes:
    """The end of one trial, for the HParams page."""
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    status = api_pb2.STATUS_FAILURE if failed else api_pb2.STATUS_SUCCESS
    info = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=wall_s)
    data = plugin_data_pb2.HParamsPluginData(session_end_info=info)
    return _event(wall_s, _summary(metadata.SESSION_END_INFO_TAG, data))


def experiment(wall_s: float, space: Space, metrics: Mapping[str, str]) -> bytes:
    """Columns of the HParams page: the space's dimensions with their ranges, and metrics by tag with their names."""
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    infos = [_info(api_pb2, name, dimension) for name, dimension in space.dimensions.items()]
    shown = [
        api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag), display_name=name, dataset_type=api_pb2.DATASET_VALIDATION)
        for tag, name in metrics.items()
    ]
    made = api_pb2.Experiment(hparam_infos=infos, metric_infos=shown, time_created_secs=wall_s)
    return _event(wall_s, _summary(metadata.EXPERIMENT_TAG, plugin_data_pb2.HParamsPluginData(experiment=made)))


def plain(config: Mapping[str, Any], space: Space | None = None) -> dict[str, str | float | bool]:
    """A configuration as HParams takes it: no None, and one type per name whatever the trial.

    A choice between words and numbers is shown as words throughout, since HParams drops runs of mixed types.
    """
    out: dict[str, str | float | bool] = {}
    for name, value in config.items():
        dimension = space.dimensions.get(name) if space is not None else None
        if value is None:
            continue
        if isinstance(dimension, Choice) and not dimension.numeric and not _all_bool(dimension):
            out[name] = str(value)
        elif isinstance(value, bool | str):
            out[name] = value
        elif isinstance(value, int | float):
            out[name] = float(value)
        else:
            out[name] = json.dumps(value, sort_keys=True, default=str)
    return out


def _info(api: Any, name: str, dimension: Any) -> Any:
    if not isinstance(dimension, Choice):
        interval = api.Interval(min_value=dimension.low, max_value=dimension.high)
        return api.HParamInfo(name=name, type=api.DATA_TYPE_FLOAT64, domain_interval=interval)
    info = api.HParamInfo(name=name)
    if dimension.numeric:
        info.type = api.DATA_TYPE_FLOAT64
        info.domain_discrete.extend([float(v) for v in dimension.values if not isinstance(v, str)])
    elif _all_bool(dimension):
        info.type = api.DATA_TYPE_BOOL
        info.domain_discrete.extend([bool(v) for v in dimension.values])
    else:
        info.type = api.DATA_TYPE_STRING
        info.domain_discrete.extend([str(v) for v in dimension.values])
    return info


def _all_bool(dimension: Choice) -> bool:
    return all(isinstance(v, bool) for v in dimension.values)


def _summary(tag: str, data: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata

    value = Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR)
    return Summary(value=[value])


def _event(wall_s: float, summary: Any) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event

    return bytes(Event(wall_time=wall_s, summary=summary).SerializeToString())
