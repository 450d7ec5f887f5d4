"""Label selectors, as the API server reads them."""

import pytest

from webhook.cluster.api import decode
from webhook.cluster.labels import LabelSelector

SHOP = {"app": "web", "tier": "front"}


def requirement(key: str, operator: str, *values: str) -> LabelSelector:
    text = f'{{"matchExpressions": [{{"key": "{key}", "operator": "{operator}", "values": {list(values)}}}]}}'
    return decode(text.replace("'", '"').encode(), LabelSelector)


@pytest.mark.parametrize(
    ("chosen", "selects", "may"),
    [
        pytest.param(LabelSelector(), True, True, id="an empty one selects everything"),
        pytest.param(LabelSelector(match_labels={"app": "web"}), True, True, id="equal"),
        pytest.param(LabelSelector(match_labels={"app": "api"}), False, False, id="not equal"),
        pytest.param(LabelSelector(match_labels={"app": "web", "mutate": "yes"}), False, False, id="one of two"),
        pytest.param(requirement("app", "In", "api", "web"), True, True, id="In"),
        pytest.param(requirement("app", "In", "api"), False, False, id="not In"),
        pytest.param(requirement("none", "In", "api"), False, False, id="In, absent"),
        pytest.param(requirement("app", "Exists"), True, True, id="Exists"),
        pytest.param(requirement("none", "Exists"), False, False, id="Exists, absent"),
        pytest.param(requirement("app", "NotIn", "web"), False, True, id="NotIn: the pod may lack the object's label"),
        pytest.param(requirement("none", "NotIn", "web"), True, True, id="NotIn, absent"),
        pytest.param(requirement("app", "DoesNotExist"), False, True, id="DoesNotExist: the same"),
        pytest.param(requirement("pod-template-hash", "Exists"), False, True, id="a label that controllers add"),
        pytest.param(requirement("batch.kubernetes.io/job-name", "In", "x"), False, True, id="another of them"),
        pytest.param(requirement("app", "Like", "x"), True, True, id="an operator of a later release"),
    ],
)
def test_selects(chosen: LabelSelector, selects: bool, may: bool) -> None:
    assert (chosen.selects(SHOP), chosen.may_select(SHOP)) == (selects, may)


@pytest.mark.parametrize(
    ("chosen", "query"),
    [
        (LabelSelector(), ""),
        (LabelSelector(match_labels={"app": "web", "tier": "front"}), "app=web,tier=front"),
        (requirement("app", "In", "api", "web"), "app in (api,web)"),
        (requirement("app", "NotIn", "web"), "app notin (web)"),
        (requirement("app", "Exists"), "app"),
        (requirement("app", "DoesNotExist"), "!app"),
    ],
)
def test_asks(chosen: LabelSelector, query: str) -> None:
    assert chosen.query() == query
