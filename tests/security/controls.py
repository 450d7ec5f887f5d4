"""The controls, and what becomes of an attack once its control is taken away.

Each entry names an attack's class, the control, the lines that are it, and one test. A copy of the program is made in
which those lines are replaced, and the test is run against that copy: it must fail, and its failure must tell that the
attack succeeded (`told`). The program itself has no switch that turns a control off.
"""

from dataclasses import dataclass

THEFT, RESOURCES, INJECTION, LEAK, FORGERY, DENIAL, FLOOD = (
    "credential theft",
    "resources",
    "injection",
    "secrets",
    "server-side request forgery",
    "denial",
    "floods",
)


@dataclass(frozen=True)
class Edit:
    """One place of one file, where `old` stands exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Control:
    """One control. `test` is below tests/security/; `told` is a regular expression of what its failure says."""

    kind: str
    attack: str
    control: str
    edits: tuple[Edit, ...]
    test: str
    told: str


_ALL_KEYS = Edit(
    "webhook/credentials/keychain.py",
    "candidates = self._globs + self._plain.get((target.labels, target.port), [])",
    "candidates = self._globs + [each for filed in self._plain.values() for each in filed]",
)
"""Keys are found by their host, which is the same control once more."""

_LATE = r"ReadTimeout|TimeoutError"
_STOLEN = "test_stolen_logins.py::"
_COST = "test_exhaustion.py::"
_TEXT = "test_injection.py::"
_CANARY = "test_canaries.py::"
_UNTOLD = "test_untold.py::"
_TELLING = "test_tellings.py::"

_NOT_JUDGED = Edit("webhook/registry/door.py", "refusal = self.rules.refusal(address)", "refusal = None")
_JUDGED = "self.judge(host, (address for text in texts if (address := parse_address(text)) is not None))"
_ASTRAY = r"assert \[\('|assert \{'127"


def _forgery(attack: str, test: str) -> Control:
    control = "addresses are judged when they are connected to"
    return Control(FORGERY, attack, control, (_NOT_JUDGED,), f"test_forged_requests.py::{test}", _ASTRAY)


CONTROLS = (
    _forgery("an image's host is an address that is refused", "test_image_names_that_are_addresses"),
    _forgery("an image's host leads to such an address", "test_image_names_that_lead_to_addresses"),
    _forgery("a redirect to such an address", "test_redirects"),
    _forgery("a realm at such an address", "test_realms"),
    _forgery("a mirror at such an address", "test_mirrors"),
    Control(
        FORGERY,
        "a name that changes between look and connection (DNS rebinding)",
        "the connection goes to the address that was judged",
        (
            Edit(
                "webhook/registry/door.py",
                f"return {_JUDGED}",
                f"{_JUDGED}\n        again = await self.names.addresses(host)\n"
                "        return [address for text in again if (address := parse_address(text)) is not None]",
            ),
        ),
        "test_forged_requests.py::test_names_that_change_between_look_and_connection",
        _ASTRAY,
    ),
    # ---- logins
    Control(
        THEFT,
        "a realm over plain http",
        "a token service is asked over https",
        (Edit("webhook/registry/token.py", 'if url.scheme != "https" and not plain:', "if False:"),),
        _STOLEN + "test_realms",
        r"\('http', 'evil\.bad\.test:",
    ),
    Control(
        THEFT,
        "a realm that begins with another's name as its user",
        "no user info in a URL",
        (
            Edit(
                "webhook/registry/url.py", "(?P<scheme>https?)://(?P<host>", "(?P<scheme>https?)://(?:[^/]*@)?(?P<host>"
            ),
        ),
        _STOLEN + "test_realms",
        r"\('https', 'evil\.bad\.test:",
    ),
    Control(
        THEFT,
        "a registry that names another's realm",
        "a token is good for the endpoint and the login that it was given for",
        (
            Edit(
                "webhook/registry/session.py",
                'Place(endpoint.base, repository, "" if self._login.anonymous else self._login.id)',
                'Place("", repository, "")',
            ),
        ),
        _STOLEN + "test_an_evil_registry_that_names_anothers_realm",
        r"assert not \{",
    ),
    Control(
        THEFT,
        "a redirect to another host",
        "a login stays with its origin",
        (
            Edit(
                "webhook/registry/exchange.py",
                "asked.private if target.origin == asked.url.origin else ()",
                "asked.private",
            ),
        ),
        _STOLEN + "test_redirects_of_a_registry_with_a_login[Basic]",
        r"\('https', 'evil\.bad\.test:",
    ),
    Control(
        THEFT,
        "a redirect's target asks for the login",
        "a redirect's challenge is not answered",
        (
            Edit(
                "webhook/registry/session.py",
                "case 401 if not answer.redirected and (sent_ahead or self._authorization is None):",
                "case 401 if sent_ahead or self._authorization is None:",
            ),
        ),
        _STOLEN + "test_redirects_before_any_login",
        r"\('https', 'evil\.bad\.test:",
    ),
    Control(
        THEFT,
        "a token service that redirects the form",
        "a form is never redirected",
        (Edit("webhook/registry/exchange.py", " or ask.form is not None", ""),),
        _STOLEN + "test_redirects_of_the_token_service[POST]",
        r"\('https', 'evil\.bad\.test:",
    ),
    Control(
        THEFT,
        "a host that differs in case",
        "keys are told apart by case",
        (
            _ALL_KEYS,
            Edit("webhook/credentials/pattern.py", "return glob == label", "return glob.lower() == label.lower()"),
        ),
        _STOLEN + "test_look_alikes",
        r"'reg\.test:",
    ),
    Control(
        THEFT,
        "a host that begins like another",
        "every label of a host counts",
        (_ALL_KEYS, Edit("webhook/credentials/pattern.py", "if len(pattern.labels) != len(name.labels):", "if False:")),
        _STOLEN + "test_look_alikes",
        r"'reg\.test\.bad\.test:",
    ),
    Control(
        THEFT,
        "another port of the same host",
        "a key is for its port",
        (_ALL_KEYS, Edit("webhook/credentials/pattern.py", "if pattern.port != name.port:", "if False:")),
        _STOLEN + "test_look_alikes",
        r"'reg\.test:",
    ),
    Control(
        THEFT,
        "another path of the same host",
        "a key with a path is for that path",
        (Edit("webhook/credentials/pattern.py", "if not name.path.startswith(pattern.path):", "if False:"),),
        _STOLEN + "test_a_key_with_a_path_opens_only_that_path",
        r"'reg\.test:",
    ),
    Control(
        THEFT,
        "a pod that uses another's token",
        "tokens are kept by login",
        (Edit("webhook/registry/session.py", '"" if self._login.anonymous else self._login.id', '""'),),
        _STOLEN + "test_one_pods_token_is_no_other_pods",
        r"assert",
    ),
    Control(
        THEFT,
        "a token that begins a header of its own",
        "a token is printable ASCII",
        (Edit("webhook/registry/token.py", "if not _SENDABLE.fullmatch(value):", "if False:"),),
        _STOLEN + "test_tokens_that_would_begin_a_header_of_their_own",
        r"assert not",
    ),
    # ---- resources
    Control(
        RESOURCES,
        "a thousand containers",
        "a registry that fails is left alone (breaker)",
        (Edit("webhook/registry/limits.py", "failures: int = 5", "failures: int = 10**9"),),
        _COST + "test_pods[a thousand containers of one host]",
        r"assert \d+ <= 100",
    ),
    Control(
        RESOURCES,
        "many pods of many containers, and a registry that hangs",
        "64 images of a pod are looked at side by side",
        (Edit("webhook/pipeline.py", "_AT_ONCE = 64", "_AT_ONCE = 10**9"),),
        _COST + "test_many_pods_of_many_containers",
        r"assert \d+ < 8000",
    ),
    Control(
        RESOURCES,
        "the same large pod again and again",
        "judgements of small pods alone are kept in one piece",
        (
            Edit("webhook/policy/judgements.py", "_MOST_IMAGES = 64", "_MOST_IMAGES = 10**9"),
            Edit("webhook/policy/judgements.py", "_LONGEST = 8192", "_LONGEST = 10**9"),
            Edit(
                "webhook/policy/judgements.py",
                "            for _ in images:\n                self._made()",
                "            self._made()",
            ),
        ),
        _COST + "test_the_same_large_pod_again_and_again",
        r"assert \d+(\.\d+)? < 40",
    ),
    Control(
        RESOURCES,
        "hosts of a megabyte",
        "what is too long to be a host is not asked for, nor kept",
        (Edit("webhook/image/reference.py", "LONGEST_REGISTRY: Final = 320", "LONGEST_REGISTRY: Final = 10**9"),),
        _COST + "test_hosts_of_a_megabyte_are_not_kept",
        r"assert \d+ < ",
    ),
    Control(
        RESOURCES,
        "connections that never shake hands",
        "1,024 handshakes beside 4,096 connections, and the oldest makes room",
        (Edit("webhook/server/run.py", "handshakes: int = 1024", "handshakes: int = 10**9"),),
        _COST + "test_connections_that_never_shake_hands",
        r"assert \d+ >= 400",
    ),
    Control(
        RESOURCES,
        "a thousand pull secrets",
        "32 of a pod are read",
        (Edit("webhook/cluster/secrets.py", "MOST = 32", "MOST = 10**9"),),
        _COST + "test_pods[1000 pull secrets]",
        r"assert \d+ <= 34",
    ),
    Control(
        RESOURCES,
        "a reference of 1 MiB",
        "an answer shows both ends of it",
        (
            Edit("webhook/admission/plaintext.py", "if len(text) <= length:", "if True:"),
            Edit("webhook/admission/plaintext.py", "return text if len(text) <= length else", "return text or"),
            Edit("webhook/admission/plaintext.py", "if len(encoded) <= size:", "if True:"),
            Edit("webhook/policy/wording.py", "if len(clean) <= longest:", "if True:"),
            Edit("webhook/admission/wording.py", "_DENIAL = 1000", "_DENIAL = 10**9"),
        ),
        _COST + "test_pods[a reference of 1 MiB]",
        r"assert \d+ < 16384",
    ),
    Control(
        RESOURCES,
        "a review over 8 MiB",
        "a body is refused from its length on",
        (Edit("webhook/server/body.py", "largest: int = 8 * MIB", "largest: int = 1000 * MIB"),),
        _COST + "test_bodies[a body over 8 MiB]",
        r"assert 400 in \{413\}",
    ),
    Control(
        RESOURCES,
        "a compression bomb",
        "it is unpacked as far as the limit",
        (
            Edit(
                "webhook/registry/client.py",
                "unpacking.decompress(packed[:limit], max(limit, 1))",
                "unpacking.decompress(packed)",
            ),
        ),
        _COST + "test_registries[a manifest of 256 MiB in 256 kB]",
        r"assert \d+(\.\d+)? < 200",
    ),
    Control(
        RESOURCES,
        "a manifest without end",
        "4 MiB of it are read",
        (Edit("webhook/registry/client.py", "if len(packed) > limit or parts > _MOST_PARTS:", "if False:"),),
        _COST + "test_registries[a manifest without end]",
        r"assert \d+ < \(40 \* 1048576\)|assert \d+ < 41943040",
    ),
    Control(
        RESOURCES,
        "a token answer without end",
        "64 KiB of it are read",
        (Edit("webhook/registry/token.py", "MOST_BYTES = 64 * 1024", "MOST_BYTES = 64 * 1024 * 1024"),),
        _COST + "test_registries[a token answer without end]",
        r"assert \d+ < \(40 \* 1048576\)|assert \d+ < 41943040",
    ),
    Control(
        RESOURCES,
        "a body a byte at a time",
        "every wait ends with the review's deadline",
        (
            Edit("webhook/server/patience.py", "asyncio.timeout_at(limit)", "asyncio.timeout_at(limit + 999)"),
            Edit(
                "webhook/registry/look.py", "scope = asyncio.timeout_at(self.deadline)", "scope = asyncio.timeout(999)"
            ),
            Edit(
                "webhook/registry/look.py",
                "async with asyncio.timeout_at(self.deadline):\n                return await Fetcher",
                "async with asyncio.timeout(999):\n                return await Fetcher",
            ),
            Edit("webhook/registry/flights.py", "asyncio.wait({task}, timeout=timeout)", "asyncio.wait({task})"),
            Edit("webhook/registry/limits.py", "GRACE = 1.0", "GRACE = 999.0"),
            Edit("webhook/wiring/registries.py", "request=settings.network.timeout", "request=999.0"),
        ),
        _COST + "test_registries[a body a byte at a time]",
        _LATE,
    ),
    Control(
        RESOURCES,
        "redirects without end",
        "five are followed",
        (Edit("webhook/registry/exchange.py", "_MOST_REDIRECTS = 5", "_MOST_REDIRECTS = 10**9"),),
        _COST + "test_registries[redirects without end]",
        r"assert \d+ <= 40",
    ),
    Control(
        RESOURCES,
        "a tag list without end",
        "ten pages are read",
        (
            Edit("webhook/registry/taglist.py", "MOST_PAGES = 10\n", "MOST_PAGES = 10**9\n"),
            Edit("webhook/registry/taglist.py", "MOST_TAGS = 10_000", "MOST_TAGS = 10**9"),
        ),
        _COST + "test_registries[a tag list without end]",
        r"assert \d+ <= 40",
    ),
    Control(
        RESOURCES,
        "names that hang",
        "four threads for a zone",
        (Edit("webhook/registry/names.py", "per_zone: int = 4", "per_zone: int = 400"),),
        _COST + "test_names_that_nobody_answers_for",
        r"assert \d+ <= 8",
    ),
    Control(
        RESOURCES,
        "slow clients of our port (slowloris)",
        "5 s for the headers",
        (Edit("webhook/server/protocol.py", "header_seconds: float = 5.0", "header_seconds: float = 999.0"),),
        _COST + "test_clients_that_never_come_to_the_point",
        r"assert \[b''",
    ),
    Control(
        RESOURCES,
        "trailers without end",
        "they are not kept, and what frames a body has 1 MiB",
        (
            Edit(
                "webhook/server/protocol.py",
                "        if self._in_headers:\n            super().on_header",
                "        if True:\n            super().on_header",
            ),
            Edit("webhook/server/protocol.py", "framing_bytes: int = 1024 * 1024", "framing_bytes: int = 10**12"),
        ),
        _COST + "test_trailers_without_end",
        r"assert \d+(\.\d+)? < 100",
    ),
    Control(
        RESOURCES,
        "deep YAML",
        "100 levels",
        (Edit("webhook/documents/compose.py", "MAX_DEPTH = 100", "MAX_DEPTH = 10**9"),),
        _COST + "test_yaml[500 levels]",
        r"DID NOT RAISE",
    ),
    Control(
        RESOURCES,
        "a bomb of aliases",
        "they count as if written out",
        (Edit("webhook/documents/compose.py", "self._count += node.size - 1", "pass"),),
        _COST + "test_yaml[nine times nine aliases]",
        r"DID NOT RAISE",
    ),
    # ---- texts
    Control(
        INJECTION,
        "an author's text in an answer (terminal)",
        "what cannot be seen is replaced",
        (
            Edit(
                "webhook/admission/plaintext.py",
                'return "".join("?" if unicodedata.category(char) in _UNSEEN else char for char in text)',
                "return text",
            ),
        ),
        _TEXT + "test_what_a_pods_author_writes[bidi]",
        r"assert not \{|AssertionError",
    ),
    Control(
        INJECTION,
        "a registry's text in an answer (terminal)",
        "it is cleaned when it is read, judged and told",
        (
            Edit(
                "webhook/admission/plaintext.py",
                'return "".join("?" if unicodedata.category(char) in _UNSEEN else char for char in text)',
                "return text",
            ),
            Edit(
                "webhook/registry/ocierror.py",
                '" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in head',
                "letter for letter in head",
            ),
            Edit(
                "webhook/policy/wording.py",
                'return "".join(character if character.isprintable() else "?" for character in text)',
                "return text",
            ),
        ),
        _TEXT + "test_what_a_registry_says[ansi]",
        r"AssertionError",
    ),
    Control(
        INJECTION,
        "an author's text in the log",
        "a line is printable ASCII",
        (
            Edit(
                "webhook/server/log.py",
                "json.dumps(entry, default=str)",
                "json.dumps(entry, default=str, ensure_ascii=False)",
            ),
        ),
        _TEXT + "test_what_a_pods_author_writes[bidi]",
        r"isascii|AssertionError",
    ),
    Control(
        INJECTION,
        "an author's text in an audit annotation",
        "it is cleaned like a warning",
        (
            Edit(
                "webhook/admission/audit.py",
                '"container": clean(cut_middle(judged.image.name, _LONGEST))',
                '"container": cut_middle(judged.image.name, _LONGEST)',
            ),
            Edit(
                "webhook/admission/audit.py",
                '"image": clean(cut_middle(judged.image.image, _LONGEST))',
                '"image": cut_middle(judged.image.image, _LONGEST)',
            ),
        ),
        _TEXT + "test_what_a_pods_author_writes[bidi]",
        r"AssertionError",
    ),
    Control(
        INJECTION,
        "text in a report (terminal)",
        "one line, without what acts",
        (
            Edit(
                "webhook/reports/escape.py",
                'return _HIDDEN.sub("\\N{REPLACEMENT CHARACTER}", _SPACE.sub(" ", _ANSI.sub("", text))).strip()',
                "return text",
            ),
        ),
        _TEXT + "test_reports[text]",
        r"AssertionError|assert not \{",
    ),
    Control(
        INJECTION,
        "markup in an HTML report",
        "text is escaped",
        (Edit("webhook/reports/escape.py", "return html.escape(text, quote=True)", "return text"),),
        _TEXT + "test_pages_hold_no_tags_of_others",
        r"AssertionError|assert 'img' not in",
    ),
    Control(
        INJECTION,
        "links in a Markdown report",
        "text is escaped, names are code",
        (
            Edit(
                "webhook/reports/escape.py",
                'return _MARKDOWN.sub(r"\\\\\\1", text).replace("://", ":\\\\//")',
                "return text",
            ),
            Edit(
                "webhook/reports/escape.py",
                "return f\"{ticks}{pad}{text.replace('|', chr(92) + '|')}{pad}{ticks}\"",
                "return text",
            ),
        ),
        _TEXT + "test_markdown_holds_no_links_of_others",
        r"assert not <re\.Match|AssertionError",
    ),
    Control(
        INJECTION,
        "commands in a GitHub log",
        "lines end as ours end",
        (
            Edit(
                "webhook/reports/escape.py",
                'return _HIDDEN.sub("\\N{REPLACEMENT CHARACTER}", _SPACE.sub(" ", _ANSI.sub("", text))).strip()',
                "return text",
            ),
            Edit(
                "webhook/reports/escape.py",
                'return text.replace("%", "%25").replace("\\r", "%0D").replace("\\n", "%0A")',
                "return text",
            ),
        ),
        _TEXT + "test_githubs_commands_are_ours_alone",
        r"AssertionError|assert False",
    ),
    # ---- secrets
    Control(
        LEAK,
        "a registry that repeats the login",
        "texts are searched for what was sent",
        (
            Edit(
                "webhook/registry/exchange.py",
                'text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)',
                "pass",
            ),
        ),
        _CANARY + "test_nothing_that_leaves_holds_a_secret",
        r"assert not \{|AssertionError",
    ),
    Control(
        LEAK,
        "a login in a repr",
        "secrets have none",
        (Edit("webhook/credentials/credential.py", "secret: str = field(repr=False)", "secret: str"),),
        _CANARY + "test_reprs_hold_no_secret",
        r"AssertionError",
    ),
    Control(
        LEAK,
        "whoever reads the shared cache",
        "what is told is sealed",
        (
            Edit(
                "webhook/registry/shared.py",
                "return nonce + self._sealing.encrypt(nonce, msgspec.json.encode(word), name.encode())",
                "return nonce + msgspec.json.encode(word)",
            ),
        ),
        _CANARY + "test_the_shared_cache_holds_no_secret_and_no_name",
        r"assert not \{|AssertionError",
    ),
    Control(
        LEAK,
        "HTTP libraries that log at debug level",
        "they log warnings only",
        (
            Edit(
                "webhook/server/log.py",
                "logging.getLogger(name).setLevel(max(level, logging.WARNING))",
                "logging.getLogger(name).setLevel(level)",
            ),
        ),
        _CANARY + "test_nothing_that_leaves_holds_a_secret",
        r"AssertionError",
    ),
    Control(
        LEAK,
        "a registry that repeats the login, in an Event",
        "texts are searched for what was sent",
        (
            Edit(
                "webhook/registry/exchange.py",
                'text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)',
                "pass",
            ),
        ),
        _TELLING + "test_an_event_repeats_no_login",
        r"assert \[",
    ),
    # ---- denials at the other doors
    Control(
        DENIAL,
        "a door that is told of an image that is absent",
        "what was not told is doubt",
        (
            Edit(
                "webhook/policy/certainty.py",
                'return "of the pod only its images were told" if evidence.workload.partial else ""',
                'return ""',
            ),
            Edit("webhook/policy/cause.py", "if evidence.workload.partial:", "if False:"),
        ),
        _UNTOLD + "test_an_absent_image_that_a_node_may_have",
        r"assert \['imagereview",
    ),
    Control(
        DENIAL,
        "a door that is not told who is exempt",
        "an exemption that may hold keeps from denying",
        (Edit("webhook/policy/decision.py", "if workload.partial and self.exemptions:", "if False:"),),
        _UNTOLD + "test_an_exemption_for_who_was_not_told[user]",
        r"assert \['imagereview",
    ),
    Control(
        DENIAL,
        "a door that is not told who made the pod",
        "its pods count as a controller's",
        (Edit("webhook/admission/imagereview.py", "subject=Subject.OWNED_PODS", "subject=Subject.PODS"),),
        _UNTOLD + "test_a_pod_that_a_controller_may_have_made",
        r"'imagereview' not in",
    ),
    # ---- floods
    Control(
        FLOOD,
        "thousands of reviews, an Event each",
        "200 wait, the others are dropped",
        (Edit("webhook/cluster/events.py", "asyncio.Queue(most)", "asyncio.Queue()"),),
        _TELLING + "test_reviews_in_thousands_write_no_thousands_of_events",
        r"assert \d+ <= 200",
    ),
    Control(
        FLOOD,
        "the same review again and again",
        "the same Event is written once in ten minutes",
        (
            Edit(
                "webhook/cluster/events.py",
                'if now - self._told.get(key, float("-inf")) < self._quiet:',
                "if False:",
            ),
        ),
        _TELLING + "test_the_same_review_again_and_again_is_one_event",
        r"assert \d+ == 1",
    ),
    Control(
        FLOOD,
        "a namespace of thousands of images, in a report",
        "500 results, 256 KiB",
        (
            Edit("webhook/reports/stored_report.py", "MOST = 500", "MOST = 10**9"),
            Edit("webhook/reports/stored_report.py", "if size > largest:", "if False:"),
        ),
        _TELLING + "test_a_namespace_of_thousands_of_images_is_a_report_that_etcd_takes[many results]",
        r"assert \d+ < ",
    ),
    Control(
        FLOOD,
        "names of a megabyte, in the log",
        "2,048 characters of a field",
        (
            Edit(
                "webhook/server/log.py", "return value[:_LONGEST] if isinstance(value, str) else value", "return value"
            ),
        ),
        _TELLING + "test_names_of_a_megabyte_are_no_lines_of_a_megabyte",
        r"assert \d+ < 8192",
    ),
    Control(
        FLOOD,
        "a log that nobody reads",
        "4,096 lines wait, the others are counted",
        (Edit("webhook/server/log.py", "queue.Queue(most)", "queue.Queue()"),),
        _TELLING + "test_lines_that_nobody_reads_are_not_kept_for_ever",
        r"assert \d+ <= 4096",
    ),
)
