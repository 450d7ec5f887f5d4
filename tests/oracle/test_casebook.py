"""The cases can be put up together, and are what the oracle promises."""

import re
from collections import Counter

import pytest
from case import Arrival, Role
from casebook import all_cases
from casebook.logins import SHAPES
from casebook.registries import REGISTRIES, SITUATIONS
from casebook.sites import SITES
from scene import InvalidCase, Scene
from workload import judged

from webhook.demo.answer import Fault
from webhook.demo.personality import PERSONALITIES
from webhook.demo.site import Certificate

CASES = all_cases()


def test_there_are_hundreds_of_them_under_names_of_their_own():
    assert len(CASES) >= 400
    assert [id_ for id_, count in Counter(case.id for case in CASES).items() if count > 1] == []


def test_each_id_names_a_pod_and_a_label():
    assert [case.id for case in CASES if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?", case.id)] == []
    assert [case.id for case in CASES if not case.says] == []


def test_they_share_one_world(tmp_path):
    scene = Scene(tmp_path, CASES, SITES)
    for case in CASES:
        image = scene.image(case)
        assert "{digest}" not in image
        judged(case, image)
    assert len(scene.world.hosts) > 100


def test_a_case_that_contradicts_another_is_named(tmp_path):
    from case import Case, holding

    one = Case(id="one", says="", image="open.test/x:1", runs=True, holds=(holding("open.test/x:1"),))
    two = Case(id="two", says="", image="open.test/x:2", runs=True, holds=(holding("open.test/x:2"),))
    with pytest.raises(InvalidCase, match="'two': open"):
        Scene(tmp_path, [one, two], SITES)


@pytest.mark.parametrize("role", list(Role))
def test_every_role_is_covered(role):
    assert any(case.role is role for case in CASES)


@pytest.mark.parametrize("arrival", list(Arrival))
def test_things_arrive_in_every_way(arrival):
    assert any(arrival is each.arrival for case in CASES for each in (*case.secrets, *case.holds))


def test_what_comes_after_another_names_one():
    ids = {case.id for case in CASES}
    assert {case.after for case in CASES} - {""} <= ids


def test_every_shape_of_login_is_tried_at_every_kind_of_registry():
    wanted = {(registry.key, shape.key) for registry in REGISTRIES for shape in SHAPES}
    wanted |= {
        (registry.key, situation.shape)
        for registry in REGISTRIES
        for situation in SITUATIONS
        if not (registry.public_only or registry.logins_only)
    }
    assert wanted <= {case.cell for case in CASES}


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault])
def test_every_fault_is_met(fault):
    assert any(fault is rule.fault for case in CASES for rule in case.rules)


@pytest.mark.parametrize("certificate", list(Certificate))
def test_every_certificate_is_shown(certificate):
    assert any(certificate is site.certificate for case in CASES for site in case.sites)


@pytest.mark.parametrize("personality", list(PERSONALITIES))
def test_every_registry_of_the_world_is_asked(personality):
    sites = (*SITES, *(site for case in CASES for site in case.sites))
    hosts = {host for site in sites if site.personality == personality for host in site.hosts}
    hosts |= {"docker.io"} if personality == "docker.io" else set()
    assert any(case.image.partition("/")[0] in hosts for case in CASES)
