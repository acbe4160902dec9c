"""The Open Inference Protocol, version 2, so that what asks Triton, KServe or MLServer can ask this server.

A model takes one tensor `text` of BYTES `[N]` and gives `label`, `confidence`, `decision` (`[N]`) and, where the model
gives vectors, `embedding` `[N, D]`. https://github.com/kserve/open-inference-protocol
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from homefield import __version__
from homefield.errors import CallError
from homefield.serve import Matcher
from homefield.server.access import identity_of, needs, public
from homefield.server.bodies import InferBody, parsed
from homefield.server.openapi import described, refused
from homefield.server.opened import Opened, Predicted, Vector
from homefield.server.questions import Question
from homefield.server.routes.asking import ask, check_count, request_id_of, running_of
from homefield.server.routes.health import UNREADY, livez, readyz

__all__ = ["add_routes"]


def add_routes(routes: APIRouter) -> None:
    """Add them to the application's."""
    tags: list[Any] = ["open inference protocol"]
    routes.get("/v2", tags=tags)(server_metadata)
    routes.get("/v2/health/live", tags=tags)(live)
    routes.get("/v2/health/ready", tags=tags, responses=UNREADY)(ready)
    for path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        routes.get(path, tags=tags, responses=refused(409))(model_metadata)
        routes.get(f"{path}/ready", tags=tags, responses=refused(409))(model_ready)
        routes.post(f"{path}/infer", tags=tags, responses=refused(409, 504), openapi_extra=described(InferBody))(infer)


@public
async def live(request: Request) -> Response:
    """Whether the process runs."""
    return await livez(request)


@public
async def ready(request: Request) -> Response:
    """Whether calls may come."""
    return await readyz(request)


@needs("read")
async def server_metadata() -> Response:
    """What this server is."""
    return JSONResponse({"name": "homefield", "version": __version__, "extensions": []})


@needs("read")
async def model_metadata(request: Request, name: str, version: str | None = None) -> Response:
    """What a model takes and gives."""
    opened = await _find(request, name, version)
    outputs = [_tensor("embedding", "FP32", [-1, opened.model.manifest.width])] if _compares(opened) else _outputs()
    versions = running_of(request).shelf.listing.versions[opened.name]
    return JSONResponse(
        {
            "name": opened.name,
            "versions": [str(number) for number in versions],
            "platform": "homefield_onnxruntime",
            "inputs": [_tensor("text", "BYTES", [-1])],
            "outputs": outputs,
        }
    )


@needs("read")
async def model_ready(request: Request, name: str, version: str | None = None) -> Response:
    """Whether a model can be asked."""
    await _find(request, name, version)
    return JSONResponse({"ready": True})


@needs("predict")
async def infer(request: Request, name: str, version: str | None = None) -> Response:
    """Ask a model."""
    body = await parsed(request, InferBody)
    texts = _texts(body)
    check_count(running_of(request), texts)
    opened = await _find(request, name, version)
    if _compares(opened):
        found = await ask(request, opened, texts, Vector())
        width = opened.model.manifest.width
        data = [number for vector, _ in found for number in vector.tolist()]
        outputs = [{**_tensor("embedding", "FP32", [len(texts), width]), "data": data}]
    else:
        question = Question(opened, texts, identity_of(request), request_id_of(request))
        await ask(request, opened, texts, Predicted(0, 0), note=question)
        said = question.said
        columns = {
            "label": [one.label or "" for one in said],
            "confidence": [one.confidence for one in said],
            "decision": [one.decision for one in said],
            "prediction": question.ids,
        }
        outputs = [{**tensor, "shape": [len(texts)], "data": columns[str(tensor["name"])]} for tensor in _outputs()]
    if body.outputs is not None:
        wanted = {one.get("name") for one in body.outputs}
        outputs = [one for one in outputs if one["name"] in wanted]
    return JSONResponse(
        {
            "model_name": opened.name,
            "model_version": str(opened.version),
            "id": body.id or request_id_of(request),
            "outputs": outputs,
        }
    )


async def _find(request: Request, name: str, version: str | None) -> Opened:
    return await running_of(request).shelf.find(name if version is None else f"{name}@{version}")


def _compares(opened: Opened) -> bool:
    return isinstance(opened.model, Matcher)


def _texts(body: InferBody) -> list[str]:
    found = next((one for one in body.inputs if one.name == "text"), body.inputs[0])
    if found.datatype != "BYTES":
        raise CallError("server.bad_tensor", name=found.name[:100], got=f"datatype {found.datatype[:20]}")
    rows = [row for one in found.data for row in (one if isinstance(one, list) else [one])]
    count = 1
    for size in found.shape:
        count *= size
    if count != len(rows) or not all(isinstance(row, str) for row in rows):
        raise CallError("server.bad_tensor", name=found.name[:100], got=f"shape {found.shape}, {len(rows)} values")
    return rows


def _tensor(name: str, datatype: str, shape: list[int]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape}


def _outputs() -> list[dict[str, Any]]:
    kinds = {"label": "BYTES", "confidence": "FP64", "decision": "BYTES", "prediction": "BYTES"}
    return [_tensor(name, datatype, [-1]) for name, datatype in kinds.items()]
