"""Jobs end to end: nothing is lost to memory or a bad row, checkpoints join in order, reruns and resumed runs agree."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from tiny import conversation, make, write_images

from winnow_worker.__main__ import main
from winnow_worker.data import Sample
from winnow_worker.families.model import Model
from winnow_worker.families.reader import Reader
from winnow_worker.protocol import BAD_DATA, DISK_FULL, ENVIRONMENT, OUT_OF_MEMORY
from winnow_worker.signals.engine import Engine

WORKER = Path(__file__).resolve().parents[1]


PARAMS = {
    "loss": {"blind": ["masked"], "perToken": False, "direct": False, "imageOnly": False},
    "attention": {"variant": "paper", "rows": "all"},
    "visual": {"layer": 0},
    "coincide": {"layers": []},
    "scalselect": {"share": 0.9},
    "hidden": {"pool": "last"},
}


class Place:
    """A tiny model, twelve rows in three shards, and jobs on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = make("llava", folder / "model")
        names = write_images(folder)
        self.rows = [
            Sample(i, f"r{i}", conversation((f"Question {i}?", f"It is number {i}."), images=(i % 4,)), names)
            for i in range(12)
        ]

    def job(self, name: str, signals: list[str], checkpoints: list[Path] = (), broken: int | None = None) -> Path:
        home = self.folder / name
        home.mkdir(exist_ok=True)
        shards = []
        for start in (0, 4, 8):
            lines = home / f"{start}.jsonl"
            kept = [s for s in self.rows if start <= s.row < start + 4]
            records = [{"row": s.row, "id": s.id, "messages": s.messages, "images": s.images} for s in kept]
            for record in records:
                if record["row"] == broken:
                    record["images"] = ["nothing.png"] * 4
            lines.write_text("".join(json.dumps(r) + "\n" for r in records))
            outputs = [
                {"signal": s, "path": str(home / f"{s}-{start}.parquet"), "key": f"{s}{start}", "measures": {}}
                for s in signals
            ]
            about = {"start": start, "end": start + 4, "ids": [s.id for s in kept]}
            shards.append(about | {"samples": str(lines), "outputs": outputs})
        path = home / "job.json"
        named = [{"name": str(i), "path": str(c)} for i, c in enumerate(checkpoints)]
        path.write_text(json.dumps({
            "kind": "signals", "model": {"path": str(self.model), "checkpoints": named}, "media_root": str(self.folder),
            "device": "cpu", "dtype": "float32", "batch": 3, "threads": 1,
            "folder": str(home / "work"), "parts": str(home / "parts"),
            "signals": [{"name": s, "params": PARAMS.get(s, {})} for s in signals], "shards": shards,
        }))  # fmt: skip
        return path

    def read(self, name: str, signal_name: str, column: str, width: int = 1) -> np.ndarray:
        found = []
        for start in (0, 4, 8):
            values = pq.read_table(self.folder / name / f"{signal_name}-{start}.parquet")[column].to_pylist()
            for value in values:
                row = np.frombuffer(value, "<f4") if isinstance(value, bytes) else [np.nan if value is None else value]
                found.append(row if value is not None else np.full(width, np.nan))
        return np.array(found, dtype=np.float32)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    torch.set_num_threads(1)
    return Place(tmp_path_factory.mktemp("jobs"))


def run(job: Path) -> int:
    return main(["--job", str(job)])


def other_model(place: Place, name: str, scale: float) -> Path:
    """A checkpoint: the model with its head scaled, and nothing of a processor."""
    from transformers import AutoModelForImageTextToText

    net = AutoModelForImageTextToText.from_pretrained(place.model)
    with torch.no_grad():
        net.lm_head.weight.mul_(scale)
    net.save_pretrained(place.folder / name)
    return place.folder / name


def test_a_batch_that_does_not_fit_is_halved_and_no_row_lost(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(place.model, Reader(place.model, place.folder))
    whole = Engine(model, 8).read(place.rows, ["image", "masked"], [], False)
    real, sizes, said = model.hidden, [], []
    room = 2 * max(len(model.reader.encode(row).ids) for row in place.rows)

    def small(batch, at=None):
        sizes.append(len(batch))
        if len(batch) * max(len(s) for s in batch) > room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(batch, at)

    monkeypatch.setattr(model, "hidden", small)
    engine = Engine(model, 8, lambda code, message: said.append(code))
    got = engine.read(place.rows, ["image", "masked"], [], False)
    assert not got.failures(["image", "masked"])
    assert engine.batch == 2 and said == ["BATCH_HALVED"] * 2
    assert sizes[0] == 4  # eight rows about four images
    # Without their images more rows than two fit in the room of two.
    assert 2 < sizes[-1] <= 8
    for name in ("image", "masked"):
        for one, other in zip(got.tokens[name], whole.tokens[name], strict=True):
            np.testing.assert_allclose(one.nll, other.nll, atol=1e-4)


def test_a_row_that_fits_nowhere_is_set_aside(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(place.model, Reader(place.model, place.folder))
    real = model.hidden
    encoded = model.reader.encode(place.rows[5])
    big = encoded.ids[encoded.blocks[0][1] :].tobytes()

    def picky(batch, at=None):
        if any(big in s.ids.tobytes() for s in batch):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(batch, at)

    monkeypatch.setattr(model, "hidden", picky)
    got = Engine(model, 8).read(place.rows, ["image"], [], False)
    assert {i: e.code for i, e in got.failures(["image"]).items()} == {5: "OUT_OF_MEMORY"}
    assert [i for i, t in enumerate(got.tokens["image"]) if t is None] == [5]


def test_a_row_without_finite_numbers_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(place.model, Reader(place.model, place.folder))
    real = model.hidden

    def overflowing(batch, at=None):
        return torch.full_like(real(batch, at), float("inf"))

    monkeypatch.setattr(model, "hidden", overflowing)
    got = Engine(model, 4).read(place.rows[:4], ["image"], [], False)
    assert {error.code for error in got.failures(["image"]).values()} == {"NOT_FINITE"}
    assert "float32" in next(iter(got.failures(["image"]).values())).reason


def test_a_full_disk_is_said_with_the_file(
    place: Place, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_more: object) -> None:
        raise OSError("Error writing bytes: No space left on device")

    monkeypatch.setattr("winnow_worker.shards.pq.ParquetWriter", full)
    assert run(place.job("full", ["loss"])) == DISK_FULL
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["code"] == "DISK_FULL" and last["path"].endswith("full/loss-0.parquet")


def test_a_bad_row_is_set_aside_alone(place: Place) -> None:
    assert run(place.job("good", ["loss"])) == 0
    assert run(place.job("bad", ["loss"], broken=6)) == 0
    good, bad = place.read("good", "loss", "nll_mm"), place.read("bad", "loss", "nll_mm")
    assert np.flatnonzero(np.isnan(bad[:, 0])).tolist() == [6]
    keep = np.arange(12) != 6
    np.testing.assert_allclose(bad[keep], good[keep], atol=1e-4)
    meta = json.loads(pq.read_metadata(place.folder / "bad" / "loss-4.parquet").metadata[b"winnow"])
    assert [(q["row"], q["code"]) for q in meta["quarantined"]] == [(6, "IMAGE_MISSING")]


def test_a_shard_in_which_no_row_has_a_vector_holds_columns_of_the_same_shape(place: Place) -> None:
    names = {"visual": ["visual"], "coincide": ["coincide"], "scalselect": ["vision_repr"], "hidden": ["hidden"],
             "rds": ["rds"], "datatailor": ["informativeness", "tau"]}  # fmt: skip
    job = place.job("nothing", list(names))
    lines = job.parent / "0.jsonl"
    rows = [json.loads(line) | {"images": ["gone.png"] * 4} for line in lines.read_text().splitlines()]
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(job) == 0
    for name, columns in names.items():
        tables = [pq.read_table(job.parent / f"{name}-{start}.parquet") for start in (0, 4)]
        assert tables[0].schema.equals(tables[1].schema)
        about = [json.loads(table.schema.metadata[b"winnow"])["columns"] for table in tables]
        shapes = [[(column["name"], column["width"]) for column in one] for one in about]
        assert shapes[0] == shapes[1]
        for column in columns:
            assert tables[0][column].null_count == 4 and tables[1][column].null_count == 0


@pytest.mark.parametrize(
    ("fault", "code", "expected"),
    [
        (ImportError("No module named 'somewhere'"), "PYTHON_PACKAGE_MISSING", ENVIRONMENT),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "OUT_OF_MEMORY", OUT_OF_MEMORY),
    ],
)
def test_what_the_machine_lacks_has_its_exit_code(
    place: Place, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, fault: Exception, code: str,
    expected: int,
) -> None:  # fmt: skip
    def fail(*_args: object) -> None:
        raise fault

    monkeypatch.setattr("winnow_worker.signals.run.open_model", fail)
    assert run(place.job("lacking", ["loss"])) == expected
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["code"] == code


@pytest.mark.parametrize("text", [None, '{"row": 0, "id": "a"\n', '{"row": 0, "id": "a"}\n', "[]\n"])
def test_samples_that_cannot_be_read_are_a_data_error(
    place: Place, capsys: pytest.CaptureFixture, text: str | None
) -> None:
    job = place.job("unread", ["loss"])
    lines = job.parent / "0.jsonl"
    lines.unlink() if text is None else lines.write_text(text)
    assert run(job) == BAD_DATA
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["t"], last["code"]) == ("error", "SAMPLES_UNREADABLE") and "0.jsonl" in last["msg"]


def test_a_row_longer_than_the_positions_of_the_model_is_set_aside(place: Place) -> None:
    job = place.job("long", ["loss"])
    lines = job.parent / "0.jsonl"
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    rows[1]["messages"] = conversation(("Where? " * 2000, "Here."), images=(0,))
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(job) == 0
    table = pq.read_table(job.parent / "loss-0.parquet")
    (failed,) = json.loads(table.schema.metadata[b"winnow"])["quarantined"]
    assert (failed["id"], failed["code"]) == ("r1", "TOO_LONG")
    assert [value is None for value in table["nll_mm"].to_pylist()] == [False, True, False, False]


def test_a_row_that_the_template_refuses_is_set_aside(place: Place) -> None:
    model = Model(place.model, Reader(place.model, place.folder))
    model.reader.template.source = "{{ raise_exception('roles must alternate') if messages | length > 2 }}"
    odd = Sample(0, "odd", [*place.rows[0].messages, *place.rows[0].messages], place.rows[0].images)
    got = Engine(model, 8).read([odd], ["image"], [], False)
    assert [(e.code, "roles must alternate" in e.reason) for e in got.unreadable.values()] == [
        ("TEMPLATE_REFUSES", True)
    ]


def test_checkpoints_stand_in_their_order(place: Place) -> None:
    path = [other_model(place, "a", 1.0), other_model(place, "b", 0.5), other_model(place, "c", 0.0)]
    assert run(place.job("path", ["loss-trajectory", "attention"], path)) == 0
    losses = place.read("path", "loss-trajectory", "nll_trajectory")
    assert losses.shape == (12, 3)
    vocabulary = Reader(place.model).config.text_config.vocab_size
    np.testing.assert_allclose(losses[:, 2], np.log(vocabulary), atol=1e-4)
    assert run(place.job("good", ["loss"])) == 0
    np.testing.assert_allclose(losses[:, :1], place.read("good", "loss", "nll_mm"), atol=1e-4)
    assert run(place.job("half", ["loss-trajectory"], path[1:2])) == 0
    np.testing.assert_allclose(losses[:, 1:2], place.read("half", "loss-trajectory", "nll_trajectory"), atol=1e-4)
    assert place.read("path", "attention", "attention_sv").shape == (12, 15)
    assert not list((place.folder / "path" / "parts").iterdir())


def test_the_same_job_writes_the_same_bytes(place: Place) -> None:
    first, again = place.job("first", ["loss", "attention"]), place.job("again", ["loss", "attention"])
    assert run(first) == run(again) == 0
    for start in (0, 4, 8):
        for name in ("loss", "attention"):
            one, other = (place.folder / n / f"{name}-{start}.parquet" for n in ("first", "again"))
            assert one.read_bytes() == other.read_bytes()


def test_a_killed_job_goes_on_where_it_was(place: Place) -> None:
    job = place.job("killed", ["loss"])
    env = os.environ | {"PYTHONPATH": str(WORKER), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "winnow_worker", "--job", str(job)]
    child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if json.loads(line)["t"] == "shard":
            child.send_signal(signal.SIGKILL)
            break
    child.wait()
    child.stdout.close()
    first = place.folder / "killed" / "loss-0.parquet"
    kept = first.stat().st_mtime_ns
    assert run(job) == 0
    assert first.stat().st_mtime_ns == kept
    assert run(place.job("whole", ["loss"])) == 0
    np.testing.assert_array_equal(place.read("killed", "loss", "nll_mm"), place.read("whole", "loss", "nll_mm"))
    assert not list((place.folder / "killed").glob(".tmp-*"))


def test_a_finished_checkpoint_of_a_shard_is_not_read_again(place: Place, capsys: pytest.CaptureFixture) -> None:
    good, bad = other_model(place, "a", 1.0), place.folder / "nowhere"
    assert run(place.job("resumed", ["loss-trajectory"], [good, bad])) == 2
    parts = sorted(p.name for p in (place.folder / "resumed" / "parts").iterdir())
    assert parts == [f"loss-trajectory{start}-0.npz" for start in (0, 4, 8)]
    capsys.readouterr()
    assert run(place.job("resumed", ["loss-trajectory"], [good, other_model(place, "b", 0.5)])) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {e["checkpoint"] for e in events if e["t"] == "shard"} == {1}
    assert place.read("resumed", "loss-trajectory", "nll_trajectory").shape == (12, 2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_gives_the_losses_of_the_cpu(place: Place) -> None:
    rows = {}
    for device in ("cpu", "cuda"):
        model = Model(place.model, Reader(place.model, place.folder), device)
        rows[device] = Engine(model, 4).read(place.rows, ["image", "masked"], [], False).tokens
    for name in ("image", "masked"):
        for one, other in zip(rows["cpu"][name], rows["cuda"][name], strict=True):
            np.testing.assert_allclose(one.nll, other.nll, atol=1e-4)
