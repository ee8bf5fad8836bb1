"""Family records and the worker's files: each has the other, and names every part of its models."""

from __future__ import annotations

import pkgutil

import pytest
import tiny

from winnow_worker import families
from winnow_worker.export.vlm import BUILDERS, export_vlm
from winnow_worker.families import family_of, module_of
from winnow_worker.families.components import COMPONENTS, component_of
from winnow_worker.families.family import UNTESTED, Family
from winnow_worker.families.records import record_of, records

HERE = [record for record in records() if "components" in record]


@pytest.mark.parametrize("record", HERE, ids=lambda record: record["name"])
def test_each_record_has_its_file(record: dict) -> None:
    for model_type in record["modelTypes"]:
        assert record_of(model_type) is record
        assert isinstance(family_of(model_type), Family)
    assert family_of(record["modelTypes"][0]).tested == (module_of(record["name"]) in tiny.FAMILIES)


def test_each_file_has_its_record() -> None:
    names = {module_of(record["name"]) for record in HERE}
    modules = [module.name for module in pkgutil.iter_modules(families.__path__)]
    owners = [name for name in modules if hasattr(__import__(f"{families.__name__}.{name}", fromlist=["x"]), "FAMILY")]
    assert sorted(owners) == sorted(names)


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_components_are_the_whole_model(family: str) -> None:
    model, _ = getattr(tiny, f"make_{family}")()
    model_type = model.config.model_type
    assert module_of(record_of(model_type)["name"]) == family
    found = {component_of(model_type, name) for name, _ in model.named_parameters()}
    assert found == set(COMPONENTS)


def test_unknown_families() -> None:
    assert family_of("another") is UNTESTED
    with pytest.raises(KeyError):
        component_of("another", "model.language_model.weight")


def test_ways_to_run_in_process_are_built() -> None:
    assert {record["inProcess"] for record in records() if "inProcess" in record} == set(BUILDERS)


def test_export_refuses_others_with_a_way_out(tmp_path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gemma3"}', encoding="utf-8")
    with pytest.raises(ValueError, match="gemma3 can't be exported, where .*LLaVA-1.5.* --by worker"):
        export_vlm(tmp_path, tmp_path)
    assert not (tmp_path / "onnx").exists()
