"""Each personality answers as the registry it stands for was seen to answer.

A vector holds the requests a node made of a scripted server and the statuses it got. The same requests are made of the
personality here, with the login of the case and the token it was given.
"""

import base64
import json
import re
from urllib.parse import urlsplit

import pytest

from webhook.demo.images import ImageSpec
from webhook.demo.personality import PERSONALITIES
from webhook.demo.site import Repository, Rule, Site, UnknownPersonality


def site(personality, *hosts, private=(), public=(), readers=None, users=None):
    repositories = [Repository(name=name, tags={"1": ImageSpec(), "1.27": ImageSpec()}) for name in public]
    repositories += [Repository(name=name, public=False, readers=readers, tags={"1": ImageSpec()}) for name in private]
    return Site(hosts=hosts, personality=personality, repositories=tuple(repositories), users=users or {"other": "x"})


ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
POLICY = Rule(path="manifests", auth="bearer", status=412, headers={"Content-Type": "application/json"})
CASES = {
    "hub-ok": site("docker.io", "registry-1.docker.io", public=["library/nginx"]),
    "hub-missing-repo": site("docker.io", "registry-1.docker.io"),
    "hub-bad-creds": site("docker.io", "registry-1.docker.io", public=["library/nginx"]),
    "ghcr-private-anon-403": site("ghcr.io", "ghcr.io", private=["owner/app"]),
    "ghcr-bad-creds": site("ghcr.io", "ghcr.io", public=["owner/public"]),
    "ghcr-missing-tag": site("ghcr.io", "ghcr.io", public=["owner/app"]),
    "ecr-no-creds": site("ecr", ECR, private=["team/app"]),
    "ecr-missing-tag": site("ecr", ECR, private=["team/app"], users={"AWS": "pw"}),
    "ecr-no-permission": site("ecr", ECR, private=["team/app"], readers=(), users={"AWS": "pw"}),
    "ecr-digest-403-blobs": site("ecr", ECR, private=["team/app"], readers=(), users={"AWS": "pw"}),
    "gar-head-403": site("gar", "us-docker.pkg.dev", private=["proj/repo/img"], readers=(), users={"_json_key": "{}"}),
    "gcr-403": site("gcr.io", "gcr.io", private=["proj/img"]),
    "acr-missing-tag": site("acr", "myacr.azurecr.io", private=["app"], users={"u": "p"}),
    "quay-missing-tag": site("quay.io", "quay.io", public=["org/pub"]),
    "harbor-private-anon": site("harbor", "harbor.example.com", private=["proj/app"]),
    "harbor-missing": site("harbor", "harbor.example.com", public=["proj/app"]),
    "harbor-412": site("harbor", "harbor.example.com", public=["proj/app"]),
    "artifactory-post-401": site("artifactory", "artifactory.example.com", private=["node"], users={"u": "p"}),
    "artifactory-forbidden": site(
        "artifactory-basic", "artifactory.example.com", private=["repo/image"], readers=(), users={"u": "p"}
    ),
    "ghpkg-405": site("docker.pkg.github.com", "docker.pkg.github.com", public=["o/r/i"]),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_node_gets_the_statuses_that_the_real_registry_gave(served, vectors, name):
    case = next(case for case in vectors("error_classes")["cases"] if case["id"] == name)
    world = await served(CASES[name], rules=(POLICY,) if name == "harbor-412" else ())
    login = base64.b64encode(f"{case['credentials']['username']}:{case['credentials']['secret']}".encode()).decode()
    token, seen = "", []
    for request in case["containerd"]["requests"]:
        url = urlsplit(request["url"])
        # the vectors' images are one dummy digest; ours are real
        path = (
            url.path.removesuffix("14") + "1" if name == "artifactory-post-401" and "/v2/node" in url.path else url.path
        )
        headers = {"basic": {"authorization": f"Basic {login}"}, "bearer": {"authorization": f"Bearer {token}"}}
        if "form" in request:
            kwargs = {"content": request["form"].encode()}
        else:
            kwargs = {"headers": headers.get(request["auth"], {})}
        answer = await world.ask(request["method"], f"//{url.netloc}{path}?{url.query}", **kwargs)
        seen.append(answer.status_code)
        if answer.status_code == 200 and "token" in answer.text:
            token = next(value for key, value in answer.json().items() if "token" in key)
    assert seen == [request["status"] for request in case["containerd"]["requests"]]


@pytest.mark.parametrize("name", [name for name in CASES if name != "quay-missing-tag"])
async def test_the_challenge_is_the_real_one(served, vectors, name):
    case = next(case for case in vectors("error_classes")["cases"] if case["id"] == name)
    first = case["containerd"]["requests"][0]
    rule = next(
        rule
        for rule in case["server"]
        if rule.get("auth", "none") == "none" and "manifests" in rule["path"] and rule.get("method", "HEAD") == "HEAD"
    )
    url = urlsplit(first["url"])
    world = await served(CASES[name])
    answer = await world.ask("HEAD", f"//{url.netloc}{url.path}")
    assert parsed(answer.headers.get("www-authenticate")) == parsed(rule.get("headers", {}).get("WWW-Authenticate"))


def parsed(challenge):
    return None if challenge is None else (challenge.partition(" ")[0], dict(re.findall(r'(\w+)="([^"]*)"', challenge)))


@pytest.mark.parametrize("name", PERSONALITIES)
async def test_every_refusal_is_told_in_the_names_of_the_request(served, name):
    world = await served(Site(hosts=("r.example",), personality=name, users={"bob": "x"}))
    for auth in ({}, {"authorization": "Basic Ym9iOng="}, {"authorization": "Basic Ym9iOnk="}):
        for path in ("/v2/no/such/manifests/tag", "/v2/no/such/tags/list", "/v2/", "/else"):
            answer = await world.ask("GET", f"//r.example{path}", headers=auth)
            assert "$" not in answer.text + str(answer.headers)
            if "json" in answer.headers["content-type"]:
                json.loads(answer.text)


def test_an_unknown_personality_is_refused_with_those_that_are_known():
    with pytest.raises(UnknownPersonality, match=r"'hub': known are open, basic, .*docker\.io"):
        _ = Site(hosts=("x",), personality="hub").manners
