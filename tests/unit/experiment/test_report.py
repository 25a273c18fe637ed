"""What people and programs read of the findings."""

from __future__ import annotations

import json

from adaptive_batching.experiment.core.evidence import Evidence
from adaptive_batching.experiment.core.ledger import Entry, Ledger
from adaptive_batching.experiment.core.report import SHOWN, as_json, rate, table
from adaptive_batching.experiment.core.verdicts import Findings, judge
from tests.unit.experiment.planted import World, log_stream


def findings(ran: list[tuple[str, str]], *, ledger: bool = True, **said: str) -> Findings:
    evidence = Evidence("the streams", holders=1, incomplete=list(said.values()))
    for line in log_stream(World({"s": ran}).lines("s"), json_format=False).split("\n"):
        evidence.add_text("s", 0, line, "", "s")
    known = Ledger(tuple(Entry("", number, request, 200) for number, (request, _) in enumerate(ran)))
    return judge(evidence, known if ledger else None)


def text(found: Findings) -> str:
    return "\n".join(table(found, lambda words, _: words))


def test_each_lost_request_is_named_with_where_it_was() -> None:
    said = text(findings([("a", "no end"), ("b", "ok"), ("c", "vanished"), ("d", "timed out"), ("e", "no begin")]))
    assert "a  no end, not the last of s" in said
    assert "c  none, no trace, not even of the platform" in said
    assert "d  no end, not the last of s; the attempt ended in timeout" in said
    assert "e  no begin, the last of s" in said
    assert "lost 3 of 5: 60 % (95 % Wilson interval 23.1 % to 88.2 %)" in said


def test_zero_losses_say_which_rate_they_exclude() -> None:
    found = findings([(f"r{number}", "ok") for number in range(3000)])
    expected = (
        "lost 0 of 3,000: 0 % (95 % Wilson interval 0 % to 0.128 %); a rate of 0.0998 % or more is excluded at 95 %"
    )
    assert rate(found) == expected


def test_the_table_names_so_many_and_counts_the_rest() -> None:
    said = text(findings([("ok", "ok"), *((f"r{number}", "no end") for number in range(SHOWN + 3))]))
    assert f"r{SHOWN - 1}  no end" in said
    assert f"r{SHOWN}  no end" not in said
    assert "and 3 more" in said


def test_without_a_ledger_it_says_what_it_cannot_see() -> None:
    assert "without a ledger a request that left no line at all is not seen" in text(
        findings([("a", "ok")], ledger=False)
    )
    evidence = Evidence("s", holders=1)
    evidence.add_text("s", 0, '{"requestId":"a","message":"begin"}\n{"requestId":"a","message":"end"}', "", "s")
    assert "a request that lost both lines is not seen" in text(judge(evidence, None))


def test_what_cannot_be_said_is_said() -> None:
    assert "inconclusive: s3://b/p contains nothing to read" in text(judge(Evidence("s3://b/p"), None))
    said = text(findings([("a", "ok"), ("b", "no end")], page="a page is not JSON"))
    assert "not everything was read: a page is not JSON" in said
    assert "inconclusive: lines are missing, and they may be in the part that was not read" in said


def test_json_holds_every_figure() -> None:
    value = json.loads(
        json.dumps(as_json(findings([("a", "no end"), ("b", "ok"), ("c", "end twice"), ("d", "no end")])))
    )
    assert value["answer"] == "losses"
    assert value["classes"] == {"ok": 1, "no end": 2, "no begin": 0, "none": 0, "duplicate": 1, "retried": 0}
    assert (value["requests"], value["lost"], value["lost_last"], value["rate"]) == (4, 2, 1, 0.5)
    assert (value["wilson_95"][0] < 0.5 < value["wilson_95"][1], value["excluded_95"]) == (True, None)
    assert [(one["id"], one["class"], one["missing"], one["last_of_stream"]) for one in value["ids"]] == [
        ("a", "no end", ["end"], False),
        ("c", "duplicate", [], False),
        ("d", "no end", ["end"], True),
    ]


def test_json_of_nothing_is_an_answer_too() -> None:
    value = json.loads(json.dumps(as_json(judge(Evidence("s"), None))))
    assert (value["answer"], value["rate"], value["wilson_95"]) == ("cannot say", None, [None, None])


def test_nothing_read_is_a_sentence_and_not_a_table_of_zeros() -> None:
    evidence = Evidence("CloudWatch export")
    evidence.incomplete += [f"README.md: a page is not JSON ({number})" for number in range(9)]
    lines = list(table(judge(evidence, None), lambda text, _style: text))
    assert lines[0] == "CloudWatch export: 0 read, 0 lines"
    assert lines[1] == "  not read: README.md: a page is not JSON (0)"
    assert lines[-2:] == [
        "  and 6 more reasons (--format json names them all)",
        "  inconclusive: nothing of CloudWatch export could be read",
    ]
    assert len(lines) == 6
