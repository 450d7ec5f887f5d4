"""Answers in one piece: the same bytes as in two messages, and only where the connection goes on."""

import pytest

from webhook.server.answer import WHOLE, Answer


class Connection:
    """A protocol that offers to take answers whole, or not; and what reached the wire either way."""

    def __init__(self, *, takes: bool = True, method: str = "POST") -> None:
        self.whole: list[bytes] = []
        self.messages: list[dict[str, object]] = []
        self._takes = takes
        self.scope = {"type": "http", "method": method, "extensions": {WHOLE: self._take}}

    def _take(self, answer: bytes) -> bool:
        if self._takes:
            self.whole.append(answer)
        return self._takes

    async def send(self, message) -> None:
        self.messages.append(message)

    async def receive(self):
        raise AssertionError


async def test_an_ordinary_answer_goes_whole() -> None:
    connection = Connection()
    await Answer(200, b'{"a":1}')(connection.scope, connection.receive, connection.send)
    assert connection.whole == [
        b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n{"a":1}'
    ]
    assert connection.messages == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, b"x"),
        Answer(200, b"x", close=True),
        Answer(200, b"x", headers=((b"allow", b"GET"),)),
    ],
    ids=["refusal", "close", "headers"],
)
async def test_others_go_in_two_messages(answer: Answer) -> None:
    connection = Connection()
    await answer(connection.scope, connection.receive, connection.send)
    assert connection.whole == []
    assert [message["type"] for message in connection.messages] == ["http.response.start", "http.response.body"]


@pytest.mark.parametrize("connection", [Connection(takes=False), Connection(method="HEAD")], ids=["refused", "HEAD"])
async def test_where_it_is_not_taken_the_usual_way_remains(connection: Connection) -> None:
    await Answer(200, b"x")(connection.scope, connection.receive, connection.send)
    assert connection.whole == []
    assert len(connection.messages) == 2
    del connection.scope["extensions"]
    await Answer(200, b"x")(connection.scope, connection.receive, connection.send)
    assert len(connection.messages) == 4
