"""Rights of what is off by default: doctor asks for them where the configuration switches it on."""

import pytest

from webhook.cluster.checkup.rights import needs
from webhook.cluster.checkup.site import Registration, Site


def site(configuration: str | None, provider: str = "") -> Site:
    registration = Registration(name="pullproof", service="pullproof", provider=provider)
    return Site(namespace="n", name="pullproof", registration=registration, configuration=configuration)


def more(configuration: str | None, provider: str = "") -> list[str]:
    plain = [str(need) for need in needs(site(None))]
    return [str(need) for need in needs(site(configuration, provider)) if str(need) not in plain]


@pytest.mark.parametrize(
    "configuration", [None, "", "- odd", "{", "scan: 5", "scan: {policyReports: true}", "server: {events: false}"]
)
def test_nothing_more_is_asked_for(configuration: str | None) -> None:
    assert more(configuration) == []


def test_each_switch_takes_its_rights() -> None:
    assert more("server: {events: true}") == ["create events.events.k8s.io"]
    scan = more("scan: {enabled: true}")
    assert "list deployments.apps" in scan
    assert "list cronjobs.batch" in scan
    assert not any("policyreports" in each for each in scan)
    reports = more("scan: {enabled: true, policyReports: true}")
    assert set(reports) - set(scan) == {
        f"{verb} policyreports.wgpolicyk8s.io" for verb in ("list", "create", "update", "delete")
    }
    assert more(None, "images") == [f"{verb} providers.externaldata.gatekeeper.sh images" for verb in ("get", "patch")]
