import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.registry.proxy import InvalidProxy, Proxies, Proxy

BOTH = {"HTTP_PROXY": "http://plain.test:3128", "HTTPS_PROXY": "http://proxy.test:3128"}


@pytest.mark.parametrize(
    ("text", "proxy"),
    {
        "http://proxy.test:3128": Proxy(scheme="http", host="proxy.test", port=3128),
        "proxy.test:3128": Proxy(scheme="http", host="proxy.test", port=3128),
        "proxy.test": Proxy(scheme="http", host="proxy.test", port=80),
        "https://proxy.test": Proxy(scheme="https", host="proxy.test", port=443),
        "http://[fd00::1]:3128/": Proxy(scheme="http", host="fd00::1", port=3128),
        "http://me:p%40ss@proxy.test": Proxy(scheme="http", host="proxy.test", port=80, login=("me", "p@ss")),
        "http://me@proxy.test": Proxy(scheme="http", host="proxy.test", port=80, login=("me", "")),
    }.items(),
)
def test_proxies_are_read(text, proxy) -> None:
    assert Proxies.from_environment({"HTTPS_PROXY": text}).https == proxy


@pytest.mark.parametrize(
    "text", ["socks5://me:hunter2@proxy.test", "http://me:hunter2@", "http://me:hunter2@proxy.test:99999", "ftp://x"]
)
def test_what_is_no_proxy_is_told_without_its_password(text) -> None:
    with pytest.raises(InvalidProxy) as caught:
        Proxies.from_environment({"HTTPS_PROXY": text})
    assert "hunter2" not in str(caught.value)
    assert "HTTPS_PROXY" in str(caught.value)


def test_a_login_stays_out_of_every_text() -> None:
    assert "hunter2" not in repr(Proxies.from_environment({"HTTPS_PROXY": "http://me:hunter2@proxy.test"}))


def test_each_scheme_has_its_own() -> None:
    proxies = Proxies.from_environment(BOTH)
    assert proxies.choose("http", "reg.test", 80) == proxies.http
    assert proxies.choose("https", "reg.test", 443) == proxies.https


def test_without_variables_there_is_none() -> None:
    assert Proxies.from_environment({"ALL_PROXY": "http://proxy.test"}).choose("https", "reg.test", 443) is None


def test_upper_case_comes_first() -> None:
    proxies = Proxies.from_environment({"https_proxy": "http://lower.test", "HTTPS_PROXY": "http://upper.test"})
    assert proxies.https is not None
    assert proxies.https.host == "upper.test"


def test_under_cgi_http_proxy_is_a_client_s_header() -> None:
    proxies = Proxies.from_environment({**BOTH, "REQUEST_METHOD": "GET"})
    assert proxies.http is None
    assert proxies.https is not None


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "direct"),
    [
        ("", "reg.test", 443, False),
        ("", "localhost", 5000, True),
        ("", "127.0.0.1", 5000, True),
        ("", "127.1.2.3", 5000, True),
        ("", "::1", 5000, True),
        ("", "sub.localhost", 5000, False),
        ("*", "reg.test", 443, True),
        ("other.test,*", "10.0.0.1", 443, True),
        ("reg.test", "reg.test", 443, True),
        ("reg.test", "REG.TEST", 443, True),
        ("Reg.Test", "reg.test", 443, True),
        ("reg.test", "a.reg.test", 443, True),
        ("reg.test", "areg.test", 443, False),
        (".reg.test", "reg.test", 443, False),
        (".reg.test", "a.reg.test", 443, True),
        ("*.reg.test", "reg.test", 443, False),
        ("*.reg.test", "a.b.reg.test", 443, True),
        ("reg.test:5000", "reg.test", 5000, True),
        ("reg.test:5000", "reg.test", 443, False),
        (" a.test , reg.test ", "reg.test", 443, True),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/8", "reg.test", 443, False),
        ("fd00::/8", "fd00::1", 443, True),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.1.2.3:5000", "10.1.2.3", 443, False),
        ("10.1.2.3:5000", "10.1.2.3", 5000, True),
        ("[fd00::1]:5000", "fd00::1", 5000, True),
        ("[fd00::1]:5000", "fd00::1", 443, False),
        ("fd00::1", "fd00::1", 443, True),
        ("[fd00::1]", "fd00::1", 443, True),
        (":443", "reg.test", 443, False),
        (".", "reg.test", 443, False),
        (",,", "reg.test", 443, False),
        ("10.0.0.0/99", "10.0.0.1", 443, False),
    ],
)
def test_no_proxy_is_read_as_go_reads_it(no_proxy, host, port, direct) -> None:
    proxies = Proxies.from_environment({**BOTH, "NO_PROXY": no_proxy})
    assert (proxies.choose("https", host, port) is None) is direct


@given(st.text(max_size=60), st.text(max_size=30), st.text(max_size=20))
def test_reading_raises_its_own_error_only(no_proxy, https, host) -> None:
    try:
        proxies = Proxies.from_environment({"NO_PROXY": no_proxy, "HTTPS_PROXY": https})
    except InvalidProxy:
        return
    proxies.choose("https", host, 443)
