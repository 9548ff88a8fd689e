"""The Kubernetes manifest: valid by Kubernetes' own schema, observing only, each container with its least rights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from config.describe import settings

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "deploy/kubernetes/wharfinger.yaml"
SCHEMA: dict[str, Any] = json.loads((ROOT / "tests/fixtures/kubernetes/v1.36-strict.json").read_text())
DOCUMENTS: list[dict[str, Any]] = list(yaml.safe_load_all(MANIFEST.read_text()))
BY_KIND = {document["kind"]: document for document in DOCUMENTS}


def faults(document: dict[str, Any]) -> list[str]:
    kind = SCHEMA["kinds"][f"{document['apiVersion']}/{document['kind']}"]
    validator = jsonschema_rs.validator_for({"$schema": SCHEMA["$schema"], "$defs": SCHEMA["$defs"], "$ref": kind})
    return [f"{'.'.join(map(str, e.instance_path))}: {e.message}" for e in validator.iter_errors(document)]


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = BY_KIND["DaemonSet"]["spec"]["template"]["spec"]
    return spec


def container(name: str) -> dict[str, Any]:
    return next(c for c in pod()["containers"] if c["name"] == name)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d["kind"]))
def test_it_is_valid(document: dict[str, Any]) -> None:
    assert faults(document) == []


def test_the_schema_finds_what_is_wrong() -> None:
    wrong = json.loads(json.dumps(BY_KIND["DaemonSet"]))
    wrong["spec"]["template"]["spec"]["containers"][0]["securityContext"]["priviledged"] = False
    wrong["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = "soon"
    assert len(faults(wrong)) == 2


def test_every_variable_is_a_setting() -> None:
    known = {s.path for s in settings()}
    names = [entry["name"] for c in pod()["containers"] for entry in c["env"]]
    assert not [n for n in names if n.removeprefix("WHARFINGER_").lower().replace("__", ".") not in known]


def test_it_observes_only() -> None:
    values = {entry["name"]: entry.get("value") for entry in container("agent")["env"]}
    assert values["WHARFINGER_LIMITS__MODE"] == "off"
    assert values["WHARFINGER_DISCOVERY__DOCKER"] == "off"
    host_paths = {v["hostPath"]["path"] for v in pod()["volumes"] if "hostPath" in v}
    assert not [path for path in host_paths if path.endswith(".sock") or path in ("/", "/run", "/var/run")]
    mounts = {m["name"]: m.get("readOnly", False) for m in container("agent")["volumeMounts"]}
    assert mounts["proc"]
    assert mounts["sys"]
    assert mounts["bundles"]


def test_it_may_do_nothing_in_the_cluster() -> None:
    assert pod()["automountServiceAccountToken"] is False
    assert BY_KIND["ServiceAccount"]["automountServiceAccountToken"] is False
    assert not [d for d in DOCUMENTS if d["kind"].endswith("Binding")]


def test_no_container_has_more_rights_than_it_needs() -> None:
    for c in (*pod()["containers"], *pod()["initContainers"]):
        context = c["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"]["drop"] == ["ALL"]
        assert "privileged" not in context
    web = container("web")["securityContext"]
    assert web["runAsNonRoot"]
    assert "add" not in web["capabilities"]
    assert not {"hostPID", "hostNetwork", "hostIPC"} & set(pod())


def test_what_is_named_is_there() -> None:
    volumes = {v["name"] for v in pod()["volumes"]}
    for c in (*pod()["containers"], *pod()["initContainers"]):
        assert {m["name"] for m in c["volumeMounts"]} <= volumes
    labels = BY_KIND["DaemonSet"]["spec"]["template"]["metadata"]["labels"]
    assert BY_KIND["Service"]["spec"]["selector"].items() <= labels.items()
    assert BY_KIND["DaemonSet"]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    (port,) = container("web")["ports"]
    assert BY_KIND["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    assert {d["metadata"].get("namespace") for d in DOCUMENTS if d["kind"] != "Namespace"} == {
        BY_KIND["Namespace"]["metadata"]["name"]
    }
