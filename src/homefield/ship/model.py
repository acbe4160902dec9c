"""`export`: a run becomes a model, through the parity gate, wholly or not at all."""

from __future__ import annotations

import copy
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from homefield.backbones.adapters import merge
from homefield.backbones.how import parse_how
from homefield.bundle import Bundle, BundleDraft, BundleManifest, Cleaning, claim_version, new_bundle, open_bundle
from homefield.bundle.names import check_name
from homefield.bundle.registry import open_registry
from homefield.data.options import PrepareOptions
from homefield.errors import CallError, Refused
from homefield.evaluate.alike import KEPT_TOLERANCE
from homefield.evaluate.metrics import HEADLINE
from homefield.evaluate.pairs import PairRows
from homefield.events import Event, Listener, silent
from homefield.files import write_file
from homefield.ship.card import write_card
from homefield.ship.forms import Forms
from homefield.ship.graphs import Graphs, export_graphs
from homefield.ship.matched import settle_match
from homefield.ship.material import Material, read_material
from homefield.ship.parity import check_logits, check_metric, served_alone
from homefield.ship.quantise import LEAST, WAYS, quantise
from homefield.ship.ranking import check_ranking, ranked_material
from homefield.ship.settle import settle
from homefield.store.versions import last_model_version
from homefield.train.network import Network
from homefield.train.run import Run, adapted_part, write_network
from homefield.workspace import Workspace, local_user

__all__ = ["export", "export_named"]


def export(
    run: Run,
    out: Path,
    *,
    risk: float | None = None,
    name: str | None = None,
    version: int | None = None,
    evidence: int = 50_000,
    judged_on: PairRows | None = None,
    threads: int | None = None,
    job: str | None = None,
    listen: Listener = silent,
) -> Bundle:
    """Make the model of `run` in the folder `out`.

    risk: highest share of wrong automatic answers; sets the threshold for answering. name, version: what predictions
    will call it. evidence: training rows it carries at most. judged_on: of a model that gives vectors, pairs that
    decide about int8 instead of the dataset's own. threads: of the networks; None for every physical core.
    job: the job that exports, kept in the manifest.

    Raises:
        Refused: `ship.parity_weights`, `ship.parity_merged`, `ship.parity_fp32`, `ship.parity_int8`,
            `ship.parity_ranking`: where trained, merged, exported and quantised part. Nothing is left at `out`.
        CallError: `files.exists`, `ship.bad_risk`, `ship.risk_for_number`, `ship.unfinished`, `ship.other_dataset`,
            `ship.no_rows`.
        Tampered: `dataset.changed`.
        MachineError: `ship.too_large`, a full or read-only disk.
    """
    if risk is not None and not 0 < risk < 1:
        raise CallError("ship.bad_risk", got=risk)
    with new_bundle(out) as draft:
        listen(Event("stage", "ship.stage_read"))
        material = read_material(run)
        if risk is not None and material.output == "number":
            raise CallError("ship.risk_for_number")
        if material.beside is not None:
            draft.write_beside(material.beside)
        forms = Forms(draft, _described(run, material, name, version, job), threads)
        parity = _pass_gate(draft, forms, material, judged_on, listen)
        settling = settle_match if material.output == "vector" else settle
        settled = settling(draft, forms.predictor("int8"), material, risk=risk, evidence=evidence, listen=listen)
        draft.manifest = replace(settled, parity=parity)
        write_file(draft.folder / "card.md", write_card(draft.manifest))
        if (run.path / "report.html").is_file():
            shutil.copyfile(run.path / "report.html", draft.folder / "report.html")
    bundle = open_bundle(out)
    _tell(bundle, listen)
    return bundle


def export_named(run: Run, name: str, workspace: Workspace, *, job: str | None = None, **options: Any) -> Bundle:
    """As `export`, as the next version of `name` in the workspace; safe beside other exports of that name.

    job: whose export this is; a version that an earlier attempt of it has made is given again.

    Raises:
        CallError: `bundle.bad_name`; else as `export` and `open_registry`.
    """
    options.setdefault("threads", workspace.settings.threads)
    with open_registry(workspace) as registry:
        models = registry.artifacts.models
        if job is not None and (made := _made_by(models / check_name(name), job)) is not None:
            registry.adopt()  # it may have died before the row
            return made
        with registry.store.read() as transaction:
            last = last_model_version(transaction, name)
        with claim_version(models, name, above=last) as version:
            bundle = export(run, models / name / str(version), name=name, version=version, job=job, **options)
            registry.register(bundle, by=local_user())
    return bundle


def _made_by(folder: Path, job: str) -> Bundle | None:
    """The version among the folders of a name that a job has made."""
    for file in folder.glob("*/manifest.json"):
        if file.parent.name.isdigit() and (bundle := open_bundle(file.parent)).manifest.run.get("job") == job:
            return bundle
    return None


def _pass_gate(
    draft: BundleDraft, forms: Forms, material: Material, judged_on: PairRows | None, listen: Listener
) -> dict[str, Any]:
    """Write every form of the network, each compared with the one before; what was measured, for the manifest."""
    sample, labels, scale = material.sample, material.labels, material.scale
    trained = material.logits(material.network, sample.texts)
    parity: dict[str, Any] = {"sample": len(sample)}
    if sample.logits is not None:
        # What the run said of these rows when it was scored; a run folder that was changed since says something else.
        parity["weights"] = check_logits(
            "ship.parity_weights", sample, sample.logits, trained, labels, scale=scale, tolerance=KEPT_TOLERANCE
        )
    network = _merged(material.network)
    merged = material.logits(network, sample.texts)
    parity["merged"] = check_logits("ship.parity_merged", sample, trained, merged, labels, scale=scale)
    listen(Event("stage", "ship.stage_graphs"))
    graphs = export_graphs(network)
    write_network(network, draft.folder / "weights", extra={"how": material.network.info.how})
    forms.write("fp32", graphs)
    listen(Event("stage", "ship.stage_parity"))
    predictor = forms.predictor("fp32")
    served = predictor.outputs(sample.texts).logits
    together = check_logits("ship.parity_fp32", sample, trained, served, labels, scale=scale)
    places, alone = served_alone(predictor, sample)
    apart = check_logits("ship.parity_fp32", sample.at(places), trained[places], alone, labels, scale=scale)
    parity["fp32"] = max(together, apart)
    parity["int8"] = _quantised(forms, graphs, material, judged_on, listen)
    listen(Event("note", "ship.parity_passed", values={"logits": parity["fp32"], **parity["int8"]}))
    return parity


def _quantised(
    forms: Forms, graphs: Graphs, material: Material, judged_on: PairRows | None, listen: Listener
) -> dict[str, Any]:
    """Quantise, the smallest way first, until one is as good as the network was."""
    refused, pairs, further = None, judged_on, list[str]()
    if pairs is None and material.output == "vector":
        pairs, further = ranked_material(material)
    texts = material.checked.texts if pairs is None else [*pairs.strings, *further]
    kept = material.checked.logits if pairs is None else None
    trained = kept if kept is not None else forms.predictor("fp32").outputs(texts).logits
    ways = WAYS if pairs is None else (*WAYS, LEAST)
    for way in ways:
        listen(Event("stage", f"ship.stage_quantise_{way.name}"))
        forms.write("int8", quantise(graphs, way))
        served = forms.predictor("int8").outputs(texts).logits
        try:
            if pairs is None:
                measured = check_metric(trained, served, material.checked, material.output, material.labels)
            else:
                measured = check_ranking(trained, served, pairs, further)
        except Refused as error:
            refused = error
            if way is not ways[-1]:
                key = "ship.way_moved" if error.code == "ship.parity_neighbours" else "ship.way_lost"
                listen(Event("note", key, values=error.values))
            continue
        return {**measured, "way": way.name}
    assert refused is not None
    raise refused


def _merged(network: Network) -> Network:
    """A copy with LoRA added to the weights, which then is a network tuned without it."""
    merged = copy.deepcopy(network)
    merge(merged.backbone)
    if parse_how(network.info.how).kind == "lora":
        merged.info = replace(network.info, how="all" if network.info.frozen_to == 0 else _top(network))
    return merged


def _top(network: Network) -> str:
    return f"top:{network.backbone.layers - network.info.frozen_to}"


def _described(run: Run, material: Material, name: str | None, version: int | None, job: str | None) -> BundleManifest:
    dataset, info, backbone = material.dataset.manifest, material.network.info, material.network.backbone
    options = dict(dataset.options)
    return BundleManifest(
        name=name,
        version=version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        program=package_version("homefield"),
        task=info.task,
        output=info.output,
        metric=HEADLINE[info.output],
        labels=info.labels,
        languages=dict(dataset.languages),
        backbone={**backbone.facts.as_json(), **adapted_part(run.record)},
        how=info.how,
        frozen_to=info.frozen_to,
        max_length=info.max_length,
        pad_id=backbone.pad_id,
        width=backbone.width,
        cleaning=Cleaning(
            tuple(options.get("mask", PrepareOptions.mask)),
            int(options.get("max_characters", PrepareOptions.max_characters)),
        ),
        parts={},
        dataset={
            "name": dataset.name,
            "hash": dataset.hash,
            "rows": {split: int(facts["rows"]) for split, facts in dataset.splits.items()},
            "sources": [str(source.get("file", "")) for source in dataset.sources],
        },
        run={
            "seed": run.recipe.seed,
            "recipe": run.recipe.model_dump(mode="json", exclude={"data", "start", "teacher", "unlabelled"}),
            **({} if job is None else {"job": job}),
        },
        beside=run.record.get("beside") or {},
    )


def _tell(bundle: Bundle, listen: Listener) -> None:
    manifest = bundle.manifest
    risk = manifest.thresholds.risk
    if risk is not None:
        shown = {
            "risk": f"{100 * risk['risk']:.3g} %",
            "rate": f"{100 * risk['automatic_rate']:.1f} %",
            "threshold": "-" if risk["threshold"] is None else f"{risk['threshold']:.3f}",
            "rows": risk["rows"],
        }
        listen(Event("note", "ship.risk_never" if risk["threshold"] is None else "ship.risk_bought", values=shown))
    size = sum(int(file["bytes"]) for file in manifest.files.values()) / 1e6
    listen(Event("note", "ship.done", values={"model": manifest.title, "path": bundle.path, "size": f"{size:.0f}"}))
