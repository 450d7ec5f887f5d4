import asyncio
import json
import os

import pytest
import yaml

from webhook.credentials.credential import Origin
from webhook.credentials.provider import AccountToken, CredentialProviders, load_providers
from webhook.credentials.providerconfig import API_VERSIONS, InvalidProviderConfig
from webhook.image.reference import Reference

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "REGION": "eu"}
TOKEN = {"serviceAccountTokenAudience": "aws", "cacheType": "ServiceAccount", "requireServiceAccount": True}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Tokens:
    """A source of tokens that remembers what it was asked for."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    async def token(self, namespace, account, audience, *, deadline):
        self.asked.append((namespace, account, audience))
        return self.answer


def answers(auth=None, cache="Image", duration=None, version=API_VERSIONS[0]):
    """Return the script of a program that answers so."""
    response = {"kind": "CredentialProviderResponse", "apiVersion": version, "cacheKeyType": cache, "auth": auth}
    if duration is not None:
        response["cacheDuration"] = duration
    return f"cat <<'END'\n{json.dumps(response)}\nEND"


def login(user, word="pw"):
    return {"username": user, "password": word}


class Setting:
    """Providers as an operator sets them up: a configuration file, a folder of programs."""

    def __init__(self, folder, programs):
        self.folder = folder
        self.programs = programs
        self.clock = Clock()
        self.config = []
        self.open = []

    def provider(self, name, script, *images, **changes):
        self.programs.write(name, script)
        self.config.append(
            {
                "name": name,
                "matchImages": list(images) or ["*.io"],
                "defaultCacheDuration": "1m",
                "apiVersion": API_VERSIONS[0],
                **changes,
            }
        )
        return self

    def file(self, name="providers.yaml", config=None):
        path = self.folder / name
        document = {"apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig"}
        path.write_text(yaml.safe_dump({**document, "providers": self.config if config is None else config}))
        return path

    def start(self, **options):
        loaded = load_providers(self.file(), self.programs.folder)
        providers = CredentialProviders(loaded, self.programs.folder, ENVIRONMENT, clock=self.clock, **options)
        self.open.append(providers)
        return providers


@pytest.fixture
async def setting(tmp_path, programs):
    made = Setting(tmp_path, programs)
    yield made
    for providers in made.open:
        await providers.close()


async def ask(providers, image, *, seconds=20.0, **account):
    deadline = asyncio.get_running_loop().time() + seconds
    found, failure = await providers.lookup(Reference.parse(image), deadline=deadline, **account)
    return [credential.username for credential in found], failure


async def test_login_of_a_real_program(setting):
    providers = setting.provider("ecr", answers({"quay.io": login("AWS")})).start()
    deadline = asyncio.get_running_loop().time() + 20
    (credential,), failure = await providers.lookup(Reference.parse("quay.io/org/app:1"), deadline=deadline)
    assert failure == ""
    assert (credential.username, credential.secret) == ("AWS", "pw")
    assert (credential.source, credential.origin) == ('provider "ecr"', Origin.PROVIDER)
    assert json.loads(setting.programs.asked("ecr")[0])["image"] == "quay.io/org/app"


async def test_arguments_and_environment(setting):
    script = answers({"quay.io": login("USER")}).replace("<<'END'", "<<END").replace("USER", "$1-$REGION-$KEY")
    setting.provider("p", script, args=["get"], env=[{"name": "KEY", "value": "v"}, {"name": "REGION", "value": "us"}])
    assert await ask(setting.start(), "quay.io/app") == (["get-us-v"], "")


async def test_only_matching_images_are_asked_for(setting):
    providers = setting.provider("ecr", answers({"*": login("u")}), "*.dkr.ecr.*.amazonaws.com").start()
    assert await ask(providers, "quay.io/app") == ([], "")
    assert setting.programs.asked("ecr") == []


async def test_keys_are_looked_up_as_in_a_docker_config(setting):
    setting.provider(
        "one", answers({"quay.io": login("host"), "quay.io/org": login("org"), "gcr.io": login("other")})
    ).provider("two", answers({"quay.io": login("second"), "*.io": login("glob")}))
    assert await ask(setting.start(), "quay.io/org/app") == (["org", "host", "second", "glob"], "")


async def test_docker_hub_key(setting):
    providers = setting.provider("hub", answers({"https://index.docker.io/v1/": login("hub")}), "docker.io").start()
    assert await ask(providers, "nginx") == (["hub"], "")
    assert json.loads(setting.programs.asked("hub")[0])["image"] == "docker.io/library/nginx"


@pytest.mark.parametrize(
    ("cache", "times"),
    [("Image", 3), ("Registry", 2), ("Global", 1)],
)
async def test_answers_are_kept_for_what_they_say(setting, cache, times):
    providers = setting.provider("p", answers({"quay.io": login("u")}, cache=cache)).start()
    for image in ["quay.io/a:1", "quay.io/a:2", "quay.io/b", "gcr.io/a"]:
        await ask(providers, image)
    assert len(setting.programs.asked("p")) == times


@pytest.mark.parametrize(
    ("duration", "seconds", "times"),
    [(None, 59, 1), (None, 61, 2), ("10s", 9, 1), ("10s", 11, 2), ("0s", 0, 2), ("-1s", 0, 2)],
)
async def test_answers_end(setting, duration, seconds, times):
    providers = setting.provider("p", answers({"quay.io": login("u")}, duration=duration)).start()
    await ask(providers, "quay.io/a")
    setting.clock.now += seconds
    assert await ask(providers, "quay.io/a") == (["u"], "")
    assert len(setting.programs.asked("p")) == times


async def test_no_default_duration_keeps_nothing(setting):
    providers = setting.provider("p", answers({"quay.io": login("u")}), defaultCacheDuration="0").start()
    await ask(providers, "quay.io/a")
    await ask(providers, "quay.io/a")
    assert len(setting.programs.asked("p")) == 2


async def test_many_wait_for_one_program(setting):
    providers = setting.provider("p", "sleep 0.2\n" + answers({"quay.io": login("u")})).start()
    found = await asyncio.gather(*(ask(providers, "quay.io/a") for _ in range(20)))
    assert found == [(["u"], "")] * 20
    assert len(setting.programs.asked("p")) == 1


async def test_few_programs_run_at_once_however_many_registries_are_named(setting):
    """A program may take as much memory as we do; the images of one pod may be of a thousand registries."""
    running, most = setting.folder / "running", setting.folder / "most"
    running.mkdir()
    count = f"mkdir {running}/$$; ls {running} | wc -l >> {most}; sleep 0.2; rmdir {running}/$$\n"
    setting.provider("p", count + answers({"quay.io": login("u")}), "*.quay.io", "quay.io")
    setting.provider("other", answers({"quay.io": login("v")}), "quay.io")
    providers = setting.start()
    asked = [asyncio.create_task(ask(providers, f"r{number}.quay.io/a")) for number in range(24)]
    await asyncio.sleep(0.1)
    found, failure = await ask(providers, "quay.io/a", seconds=0.5)
    assert (found, "'p'" in failure) == (["v"], bool(failure))  # who waits for one is not kept from the other
    await asyncio.gather(*asked)
    assert max(int(line) for line in most.read_text().split()) <= 8
    assert len(setting.programs.asked("p")) >= 24


async def test_who_waited_for_a_program_takes_what_another_brought_meanwhile(setting):
    """A rollout names many images of one registry, and the first answer is good for all of them."""
    script = "sleep 0.2\n" + answers({"quay.io": login("u")}, cache="Registry")
    providers = setting.provider("p", script).start()
    found = await asyncio.gather(*(ask(providers, f"quay.io/a{number}") for number in range(24)))
    assert found == [(["u"], "")] * 24
    assert len(setting.programs.asked("p")) == 8


async def test_a_waiters_deadline_does_not_end_the_program(setting):
    providers = setting.provider("p", "sleep 0.3\n" + answers({"quay.io": login("u")})).start()
    assert await ask(providers, "quay.io/a", seconds=0.05) == ([], "provider 'p': gave no answer in time")
    assert await ask(providers, "quay.io/a") == (["u"], "")
    assert len(setting.programs.asked("p")) == 1


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo hunter2; exit 7", "provider 'bad': ended with status 7; run it by hand to see why"),
        ("echo hunter2", "provider 'bad': its answer is no CredentialProviderResponse"),
        (answers(version=API_VERSIONS[1]), "provider 'bad': its answer is no CredentialProviderResponse of"),
        (answers(cache="Pod"), "provider 'bad': its answer is no CredentialProviderResponse"),
        ("yes", "provider 'bad': wrote more than 1048576 bytes"),
        ("sleep 30", "provider 'bad': gave no answer within 1 s"),
        ("kill -9 $$", "provider 'bad': ended with status -9"),
    ],
)
async def test_a_failing_provider_is_told_of_and_the_others_count(setting, script, reason):
    setting.provider("bad", script).provider("good", answers({"quay.io": login("u")}))
    found, failure = await ask(setting.start(seconds=1.0), "quay.io/a")
    assert found == ["u"]
    assert failure.startswith(reason)
    assert "hunter2" not in failure


async def test_failures_are_kept_for_seconds(setting):
    providers = setting.provider("p", "exit 1").start()
    await ask(providers, "quay.io/a")
    assert (await ask(providers, "quay.io/a"))[1].startswith("provider 'p': ended with status 1")
    assert len(setting.programs.asked("p")) == 1
    setting.programs.write("p", answers({"quay.io": login("u")}))
    setting.clock.now += 5
    assert await ask(providers, "quay.io/a") == (["u"], "")


async def test_program_that_went_away(setting):
    providers = setting.provider("p", "exit 1").start()
    (setting.programs.folder / "p").unlink()
    assert await ask(providers, "quay.io/a") == ([], "provider 'p': cannot be run: no such file or directory")


async def test_closing_ends_what_runs(setting, appearing):
    pid = setting.folder / "pid"
    providers = setting.provider("p", f"echo $$ > {pid}; sleep 600").start()
    waiting = asyncio.create_task(ask(providers, "quay.io/a"))
    number = int(await appearing(pid))
    await providers.close()
    assert await waiting == ([], "provider 'p': gave no answer in time")
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


async def test_token_wanted_and_no_source(setting):
    providers = setting.provider("p", answers(), tokenAttributes=TOKEN).start()
    assert await ask(providers, "quay.io/a", namespace="shop", account="api") == (
        [],
        "provider 'p': wants a ServiceAccount token; see credentials.providers.accountTokens",
    )
    assert setting.programs.asked("p") == []


async def test_token_refused(setting):
    providers = setting.provider("p", answers(), tokenAttributes=TOKEN).start(tokens=Tokens("forbidden (403)"))
    failure = "provider 'p': wants a ServiceAccount token: forbidden (403)"
    assert await ask(providers, "quay.io/a", namespace="shop", account="api") == ([], failure)


async def test_token_is_handed_on(setting):
    keys = {"requiredServiceAccountAnnotationKeys": ["role"], "optionalServiceAccountAnnotationKeys": ["more", "none"]}
    setting.provider("p", answers({"quay.io": login("u")}), tokenAttributes={**TOKEN, **keys})
    tokens = Tokens(AccountToken(value="jwt", uid="1", annotations={"role": "r", "more": "m", "other": "o"}))
    providers = setting.start(tokens=tokens)
    assert await ask(providers, "quay.io/a", namespace="shop", account="api") == (["u"], "")
    request = json.loads(setting.programs.asked("p")[0])
    assert request["serviceAccountToken"] == "jwt"
    assert request["serviceAccountAnnotations"] == {"role": "r", "more": "m"}
    assert tokens.asked == [("shop", "api", "aws")]


async def test_account_that_has_not_opted_in_is_not_asked_for(setting):
    attributes = {**TOKEN, "requiredServiceAccountAnnotationKeys": ["role"]}
    setting.provider("p", answers({"quay.io": login("u")}), tokenAttributes=attributes)
    providers = setting.start(tokens=Tokens(AccountToken(value="jwt")))
    assert await ask(providers, "quay.io/a", namespace="shop", account="api") == ([], "")
    assert setting.programs.asked("p") == []


@pytest.mark.parametrize(("required", "found"), [(True, []), (False, ["u"])])
async def test_pod_without_an_account(setting, required, found):
    attributes = {**TOKEN, "requireServiceAccount": required}
    providers = setting.provider("p", answers({"quay.io": login("u")}), tokenAttributes=attributes).start()
    assert await ask(providers, "quay.io/a") == (found, "")


async def test_one_accounts_login_never_answers_for_another(setting):
    setting.provider("p", answers({"quay.io": login("u")}, cache="Global"), tokenAttributes=TOKEN)
    providers = setting.start(tokens=Tokens(AccountToken(value="jwt")))
    for namespace, account in [("shop", "api"), ("shop", "api"), ("shop", "db"), ("play", "api")]:
        await ask(providers, "quay.io/a", namespace=namespace, account=account)
    assert len(setting.programs.asked("p")) == 3


async def test_answers_by_token(setting):
    setting.provider("p", answers({"quay.io": login("u")}), tokenAttributes={**TOKEN, "cacheType": "Token"})
    tokens = Tokens(AccountToken(value="one"))
    providers = setting.start(tokens=tokens)
    for value in ("one", "one", "two"):
        tokens.answer = AccountToken(value=value)
        await ask(providers, "quay.io/a", namespace="shop", account="api")
    assert len(setting.programs.asked("p")) == 2


@pytest.mark.parametrize(("cache", "refused"), [("ServiceAccount", True), ("Token", False)])
async def test_token_given_back_as_password(setting, cache, refused):
    setting.provider("p", answers({"quay.io": login("u", "jwt")}), tokenAttributes={**TOKEN, "cacheType": cache})
    providers = setting.start(tokens=Tokens(AccountToken(value="jwt")))
    found, failure = await ask(providers, "quay.io/a", namespace="shop", account="api")
    assert (found == []) is refused
    assert ("gave the token back" in failure) is refused


def test_tokens_are_not_shown():
    assert "hunter2" not in repr(AccountToken(value="hunter2"))


def test_a_folder_of_configurations(setting):
    setting.provider("a", "").provider("b", "")
    folder = setting.folder / "conf"
    folder.mkdir()
    one, two = setting.config
    setting.file("conf/2.yaml", [one])
    setting.file("conf/1.yml", [two])
    (folder / "README").write_text("not read")
    assert [provider.name for provider in load_providers(folder, setting.programs.folder)] == ["b", "a"]


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda setting: setting.folder / "none.yaml", "none.yaml: no such file or directory"),
        (lambda setting: setting.programs.folder, "no .yaml, .yml or .json file in this folder"),
        (lambda setting: setting.file(config=[]), "providers.yaml: providers: at least one"),
        (
            lambda setting: setting.file(config=[{**setting.config[0], "name": "b"}]),
            "no program 'b' in .*; put it there",
        ),
        (lambda setting: setting.file(config=[{"name": "a"}]), r"providers.yaml: providers\[0\]"),
    ],
)
def test_configurations_that_cannot_be_loaded(setting, prepare, message):
    setting.provider("a", "")
    with pytest.raises(InvalidProviderConfig, match=message):
        load_providers(prepare(setting), setting.programs.folder)


def test_program_must_be_executable(setting):
    setting.provider("a", "")
    (setting.programs.folder / "a").chmod(0o644)
    with pytest.raises(InvalidProviderConfig, match="no program 'a'"):
        load_providers(setting.file(), setting.programs.folder)
