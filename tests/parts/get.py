#!/usr/bin/env python3
"""Get the real parts that tests and measurements run against: registries, a Kubernetes node, tools.

    python3 tests/parts/get.py [TARGET…]        test, e2e, oracle, bench, image; all of them when none is named

Each part is pinned below and installed into $PARTS (~/.cache/pullproof-parts): servers and build tools from Debian, the
rest built from Go modules. What is there in the pinned version is left alone; what was interrupted goes on where it
was, by Go's own build cache. KUBE_VERSION=v1.X.Y gets another Kubernetes beside the default one.

What cannot be had here (not Debian, not root, no Go) is said in one line, with what will be skipped for want of it;
that is an error only where PULLPROOF_REQUIRE_PARTS is set. Standard library only: this runs before anything is
installed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

PARTS = Path(os.environ.get("PARTS") or Path.home() / ".cache/pullproof-parts")
KUBE = "v1.37.2"
WANTED_KUBE = os.environ.get("KUBE_VERSION") or KUBE

ENVIRONMENT = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": ""}


class NotHad(Exception):
    """A part cannot be had here; the text says why."""


@dataclass(frozen=True)
class Module:
    """Programs of one Go module, built into `folder`; `replaced`: its go.mod has replace directives.

    `files` of the module are copied to share/ beside them. `own`: the program is a main.go in that folder beside this
    file, made of the module's packages.
    """

    module: str
    version: str
    packages: tuple[str, ...]
    folder: str = "bin"
    names: tuple[str, ...] = ()
    replaced: bool = False
    version_variable: str = ""
    files: tuple[str, ...] = ()
    own: str = ""

    @property
    def programs(self) -> tuple[str, ...]:
        return self.names or tuple(package.rpartition("/")[2] for package in self.packages)


@dataclass(frozen=True)
class Needs:
    """What one make target needs: Go modules (all their programs, or `module/program`) and Debian packages."""

    modules: tuple[str, ...]
    debian: tuple[str, ...]


KUBE_FOLDER = "bin" if WANTED_KUBE == KUBE else f"kube-{WANTED_KUBE}/bin"

MODULES = {
    "kube": Module(
        "k8s.io/kubernetes",
        WANTED_KUBE,
        tuple(
            f"cmd/{name}"
            for name in (
                *("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
                *("kubelet", "kube-proxy", "kubectl"),
            )
        ),
        folder=KUBE_FOLDER,
        replaced=True,
        version_variable="k8s.io/component-base/version.gitVersion",
    ),
    "etcd": Module("go.etcd.io/etcd/server/v3", "v3.7.2", ("",), names=("etcd",), replaced=True),
    "containerd": Module(
        "github.com/containerd/containerd/v2", "v2.4.2", ("cmd/containerd", "cmd/containerd-shim-runc-v2", "cmd/ctr")
    ),
    "cni": Module(
        "github.com/containernetworking/plugins",
        "v1.9.1",
        ("plugins/main/bridge", "plugins/main/loopback", "plugins/ipam/host-local", "plugins/meta/portmap"),
        folder="cni",
    ),
    "helm": Module("helm.sh/helm/v4", "v4.3.1", ("cmd/helm",)),
    "registry": Module("github.com/distribution/distribution/v3", "v3.1.2", ("cmd/registry",)),
    "crane": Module("github.com/google/go-containerregistry", "v0.22.1", ("cmd/crane",)),
    "cert-manager": Module(
        "github.com/cert-manager/cert-manager",
        "v1.21.2",
        ("",),
        names=("cert-manager",),
        files=tuple(
            f"deploy/crds/cert-manager.io_{kind}.yaml"
            for kind in ("certificates", "certificaterequests", "issuers", "clusterissuers")
        ),
        own="cert-manager",
    ),
    "toxiproxy": Module("github.com/Shopify/toxiproxy/v2", "v2.5.0", ("cmd/server",), names=("toxiproxy-server",)),
    "gatekeeper": Module(
        "github.com/open-policy-agent/gatekeeper/v3",
        "v3.23.1",
        ("",),
        names=("gatekeeper",),
        files=("deploy/gatekeeper.yaml",),
    ),
    "kyverno": Module(
        "github.com/kyverno/kyverno",
        "v1.19.1",
        ("cmd/kyverno",),
        replaced=True,
        files=("config/install-latest-testing.yaml",),
    ),
    "policy-controller": Module(
        "github.com/sigstore/policy-controller",
        "v0.13.1",
        ("cmd/webhook",),
        names=("policy-controller",),
        replaced=True,
        files=tuple(
            f"config/{name}.yaml"
            for name in (
                *("100-namespace", "300-clusterimagepolicy", "300-trustroot"),
                *("500-webhook-configuration", "501-policy-webhook-configurations"),
                *("config-image-policies", "config-leader-election", "config-logging", "config-observability"),
                *("config-policy-controller", "config-sigstore-keys"),
            )
        ),
    ),
}

NODE = ("runc", "iproute2", "nftables", "conntrack", "dnsmasq-base", "openssl")
CLUSTER = ("kube", "etcd", "containerd", "cni")
TARGETS = {
    "test": Needs(
        ("kube/kube-apiserver", "kube/kubectl", "etcd", "helm", "registry", "crane", "toxiproxy", "gatekeeper"),
        (
            *("docker-registry", "skopeo", "apache2-utils", "redis-server", "openssl", "prometheus"),
            *("chromium", "chromium-driver", "iproute2", "nftables"),
        ),
    ),
    "e2e": Needs((*CLUSTER, "helm", "cert-manager"), NODE),
    "oracle": Needs(CLUSTER, NODE),
    "bench": Needs(("kube/kube-apiserver", "kube/kubectl", "etcd", "kyverno", "policy-controller"), ("wrk",)),
    "image": Needs((), ("debootstrap", "buildah")),
    "chaos": Needs(
        ("kube/kube-apiserver", "etcd", "toxiproxy"), ("redis-server", "iproute2", "nftables", "gcc", "libc6-dev")
    ),
}


def say(text: str) -> None:
    print(f"parts: {text}", file=sys.stderr, flush=True)


def debian(packages: tuple[str, ...]) -> None:
    """Install the Debian packages that are not there."""
    missing = [name for name in packages if not installed(name)]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise NotHad(f"this is not Debian: no {', '.join(missing)}")
    if os.geteuid() != 0:
        raise NotHad(f"only root can install {', '.join(missing)}")
    say(f"installing {' '.join(missing)}")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], env=quiet)
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], env=quiet)


def installed(package: str) -> bool:
    try:
        query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", package]
        return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"
    except FileNotFoundError:
        return False


def build(name: str, module: Module, programs: Iterable[str]) -> None:
    """Build those of a module's programs that are not there in the wanted version.

    The stamp says of which version the programs are that are there; each comes whole or not at all.
    """
    folder = PARTS / module.folder
    stamp = PARTS / "stamp" / (name if module.folder in ("bin", "cni") else f"{name}-{module.version}")
    stale = not stamp.exists() or stamp.read_text().strip() != module.version
    missing = [program for program in programs if stale or not (folder / program).exists()]
    copies = {each: PARTS / "share" / name / Path(each).name for each in module.files}
    if not missing and all(copy.exists() for copy in copies.values()):
        return
    if shutil.which("go") is None:
        raise NotHad(f"Go is not here to build {name}; see https://go.dev/dl")
    for program in module.programs if stale else ():
        (folder / program).unlink(missing_ok=True)
    begun = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(f"{module.version}\n")
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        if module.replaced:
            describe(module, place)
        if module.own:
            describe_own(module, place)
        for number, program in enumerate(missing, 1):
            say(f"building {name} {module.version}: {program} ({number} of {len(missing)})")
            compile_one(module, module.packages[module.programs.index(program)], program, place, folder)
    for source, copy in copies.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(downloaded(module)["Dir"]) / source, copy)
    say(f"{name} {module.version} is there after {time.monotonic() - begun:.0f} s")


def describe(module: Module, place: Path) -> None:
    """Write a module of our own that requires the wanted one.

    `go install MODULE@VERSION` refuses modules with replace directives. Kubernetes replaces its staging modules by
    folders; replaced by their published versions (v1.X.Y is v0.X.Y there) they build the same programs. What a module
    replaces by another published one is replaced by that here, too.
    """
    text = Path(downloaded(module)["GoMod"]).read_text()
    published = module.version.replace("v1.", "v0.", 1)
    lines = ["module parts", *re.findall(r"^(?:go|godebug) .*$", text, re.MULTILINE)]
    lines += [f"require {module.module} {module.version}"]
    lines += [
        f"replace {path} => {path} {published}" for path in re.findall(r"^\s*(\S+) => \./staging/", text, re.MULTILINE)
    ]
    lines += [
        f"replace {path} => {other}"
        for path, other in re.findall(r"^(?:replace)?\s*(\S+) => ([^.\s]\S* v\S+)", text, re.MULTILINE)
    ]
    (place / "go.mod").write_text("\n".join(lines) + "\n")


def describe_own(module: Module, place: Path) -> None:
    """Write a module of our own program, which requires the wanted one."""
    shutil.copyfile(Path(__file__).parent / module.own / "main.go", place / "main.go")
    go = re.findall(r"^go .*$", Path(downloaded(module)["GoMod"]).read_text(), re.MULTILINE)
    (place / "go.mod").write_text("\n".join(["module parts", *go, f"require {module.module} {module.version}", ""]))


def compile_one(module: Module, package: str, program: str, place: Path, folder: Path) -> None:
    flags = "-s -w" + (f" -X {module.version_variable}={module.version}" if module.version_variable else "")
    path = f"{module.module}/{package}".rstrip("/")
    if module.replaced or module.own:
        built = place / program
        path = "." if module.own else path
        run(["go", "build", "-mod=mod", "-trimpath", "-ldflags", flags, "-o", str(built), path], cwd=place)
    else:
        built = place / (package.rpartition("/")[2] or program)
        run(["go", "install", "-trimpath", "-ldflags", flags, f"{path}@{module.version}"], cwd=place)
    moved = folder / f".{program}.new"  # a rename puts it there whole, even under a program that runs
    shutil.copy2(built, moved)
    moved.rename(folder / program)


def downloaded(module: Module) -> dict[str, str]:
    command = ["go", "mod", "download", "-json", f"{module.module}@{module.version}"]
    answer: dict[str, str] = json.loads(
        subprocess.run(command, capture_output=True, check=False, env=ENVIRONMENT).stdout
    )
    if "GoMod" not in answer:
        raise NotHad(f"{module.module} {module.version}: {answer.get('Error', 'no such version')}")
    return answer


def run(command: list[str], *, cwd: Path | None = None, env: dict[str, str] = ENVIRONMENT) -> None:
    placed = env | ({"GOBIN": str(cwd)} if cwd else {})
    done = subprocess.run(command, cwd=cwd, env=placed, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotHad(f"{' '.join(command[:3])} failed: {(done.stderr.strip() or done.stdout).splitlines()[-1:]}")


def attempt(without: str, get: Callable[[], None]) -> bool:
    try:
        get()
    except NotHad as error:
        say(f"{error}; skipped for want of it: what needs it in {without}")
        return False
    return True


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        print(f"unknown target {unknown[0]!r}; known are {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    wanted = names or list(TARGETS)
    packages = tuple(dict.fromkeys(package for name in wanted for package in TARGETS[name].debian))
    had = [attempt(users(wanted), partial(debian, packages))]
    for part in dict.fromkeys(part for name in wanted for part in TARGETS[name].modules):
        having = users(name for name in wanted if part in TARGETS[name].modules)
        module, _, program = part.partition("/")
        programs = (program,) if program else MODULES[module].programs
        had.append(attempt(having, partial(build, module, MODULES[module], programs)))
    print(PARTS)
    return 0 if all(had) or not os.environ.get("PULLPROOF_REQUIRE_PARTS") else 1


def users(targets: Iterable[str]) -> str:
    return ", ".join(f"make {name}" for name in targets)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
