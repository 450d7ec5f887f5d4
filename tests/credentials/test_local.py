import asyncio
import base64
import json

import pytest

from webhook.credentials.credential import Origin
from webhook.credentials.local import load_local
from webhook.image.reference import Reference


def auth(text):
    return {"auth": base64.b64encode(text.encode()).decode()}


def auths(**hosts):
    return {"auths": {host.replace("_", "."): auth(text) for host, text in hosts.items()}}


class Machine:
    """A home folder and an environment."""

    def __init__(self, home, programs):
        self.home = home
        self.environment = {"HOME": str(home), "PATH": f"{programs.folder}:/usr/bin:/bin"}

    def write(self, path, document):
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        return file

    async def lookup(self, image, *, helper_seconds=10.0):
        deadline = asyncio.get_running_loop().time() + 20
        logins = load_local(self.environment, seconds=helper_seconds)
        found, failure = await logins.lookup(Reference.parse(image), deadline=deadline)
        return [(credential.username, credential.secret) for credential in found], failure


@pytest.fixture
def machine(tmp_path, programs):
    home = tmp_path / "home"
    home.mkdir()
    return Machine(home, programs)


async def test_nothing_there(machine):
    assert await machine.lookup("nginx") == ([], "")


async def test_dockers_file(machine):
    file = machine.write(".docker/config.json", auths(quay_io="u:p"))
    (credential,), failure = await load_local(machine.environment).lookup(
        Reference.parse("quay.io/app"), deadline=asyncio.get_running_loop().time() + 20
    )
    assert failure == ""
    assert (credential.source, credential.origin) == (str(file), Origin.DOCKER_CONFIG)
    assert await machine.lookup("gcr.io/app") == ([], "")


async def test_docker_config_names_another_folder(machine):
    machine.write(".docker/config.json", auths(quay_io="home:p"))
    machine.write("other/config.json", auths(quay_io="other:p"))
    machine.environment["DOCKER_CONFIG"] = str(machine.home / "other")
    assert await machine.lookup("quay.io/app") == ([("other", "p")], "")


async def test_every_file_counts_in_order(machine):
    machine.environment["DOCKER_AUTH_CONFIG"] = json.dumps(auths(quay_io="ci:p"))
    machine.environment["XDG_RUNTIME_DIR"] = str(machine.home / "run")
    machine.write(".docker/config.json", auths(quay_io="docker:p"))
    machine.write("run/containers/auth.json", auths(quay_io="podman:p"))
    machine.write(".config/containers/auth.json", auths(quay_io="docker:p"))
    assert await machine.lookup("quay.io/app") == ([("ci", "p"), ("docker", "p"), ("podman", "p")], "")


async def test_registry_auth_file_alone_is_podmans(machine):
    machine.environment["XDG_RUNTIME_DIR"] = str(machine.home / "run")
    machine.environment["REGISTRY_AUTH_FILE"] = str(machine.write("mine.json", {"auths": {"quay.io/org": auth("u:p")}}))
    machine.write("run/containers/auth.json", auths(quay_io="podman:p"))
    assert await machine.lookup("quay.io/org/app") == ([("u", "p")], "")
    assert await machine.lookup("quay.io/other/app") == ([], "")


async def test_xdg_config_home(machine):
    machine.environment["XDG_CONFIG_HOME"] = str(machine.home / "conf")
    machine.write("conf/containers/auth.json", auths(quay_io="u:p"))
    assert await machine.lookup("quay.io/app") == ([("u", "p")], "")


async def test_identity_token(machine):
    machine.write(".docker/config.json", {"auths": {"a.azurecr.io": {**auth("0000:"), "identitytoken": "t"}}})
    assert await machine.lookup("a.azurecr.io/app") == ([("", "t")], "")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("{", "config.json: not JSON (line 1 column 2)"),
        ({"auths": {"a.io": {"auth": "!"}}}, "config.json: the entry of 'a.io': illegal base64 data at input byte 0"),
    ],
)
async def test_file_that_cannot_be_read_is_told_of_and_the_others_count(machine, document, reason):
    machine.environment["XDG_RUNTIME_DIR"] = str(machine.home / "run")
    machine.write("run/containers/auth.json", auths(quay_io="u:p"))
    machine.write(".docker/config.json", document)
    found, failure = await machine.lookup("quay.io/app")
    assert found == [("u", "p")]
    assert failure.endswith(reason)
    assert load_local(machine.environment).failures == (failure,)


async def test_broken_variable(machine):
    machine.environment["DOCKER_AUTH_CONFIG"] = "hunter2"
    assert await machine.lookup("nginx") == ([], "DOCKER_AUTH_CONFIG: not JSON (line 1 column 1)")


async def test_credential_helper(machine, programs):
    programs.write("docker-credential-gcloud", """echo '{"ServerURL":"x","Username":"_token","Secret":"s"}'""")
    machine.write(".docker/config.json", {"credHelpers": {"gcr.io": "gcloud"}, **auths(gcr_io="file:p")})
    assert await machine.lookup("gcr.io/p/app") == ([("_token", "s")], "")
    assert programs.asked("docker-credential-gcloud") == ["gcr.io"]


async def test_credentials_store(machine, programs):
    programs.write("docker-credential-desktop", """[ "$1" = get ] && echo '{"Username":"<token>","Secret":"t"}'""")
    machine.write(".docker/config.json", {"credsStore": "desktop", "auths": {"https://index.docker.io/v1/": {}}})
    assert await machine.lookup("nginx") == ([("", "t")], "")
    assert programs.asked("docker-credential-desktop") == ["https://index.docker.io/v1/"]


async def test_helper_without_a_login(machine, programs):
    programs.write("docker-credential-x", "echo credentials not found in native keychain; exit 1")
    machine.write(".docker/config.json", {"credsStore": "x"})
    assert await machine.lookup("nginx") == ([], "")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo hunter2; exit 3", "ended with status 3"),
        ("echo hunter2", "its answer is no login"),
        ("sleep 30", "gave no answer within 0.5 s"),
    ],
)
async def test_failing_helper(machine, programs, script, reason):
    programs.write("docker-credential-x", script)
    machine.write(".docker/config.json", {"credsStore": "x"})
    assert await machine.lookup("nginx", helper_seconds=0.5) == (
        [],
        f"credential helper 'docker-credential-x': {reason}",
    )


async def test_helper_without_secret_is_no_login(machine, programs):
    programs.write("docker-credential-x", """echo '{"Username":"u"}'""")
    machine.write(".docker/config.json", {"credsStore": "x"})
    assert await machine.lookup("nginx") == ([], "")


@pytest.mark.parametrize("helper", ["missing", "../../bin/sh"])
async def test_helper_that_is_not_there(machine, helper):
    machine.write(".docker/config.json", {"credsStore": helper})
    found, failure = await machine.lookup("nginx")
    assert found == []
    assert failure == f"credential helper 'docker-credential-{helper}': not on the PATH"
