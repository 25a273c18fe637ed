"""A script is read as artillery reads it, and what is not known here is named with its line."""

from __future__ import annotations

from random import Random

import pytest

from adaptive_batching.load.core import rendering, script, users

SCRIPT = """\
config:
  target: http://localhost
  phases:
    - duration: 2m
      arrivalRate: 1
scenarios:
  - flow:
      - get:
          url: /sessions
"""


def read(text: str) -> script.Script:
    return script.read(text, "load.yaml")[0]


def why(text: str) -> str:
    with pytest.raises(script.ScriptError) as error:
        script.read(text, "load.yaml")
    return str(error.value)


def test_a_script_is_read() -> None:
    found = read(SCRIPT)
    (phase,), (scenario,) = found.config.phases, found.scenarios
    assert (phase.length, phase.arrival_rate) == (120, 1)
    assert scenario.flow[0].request == ("get", script.Request(url="/sessions"))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("url: /sessions", "capture: 1", "line 9: 'capture' is not known here; known are url, headers, json, body"),
        ("- get:", "- loop:", "line 8: 'loop' is not known here; known are get, post, put, delete, think"),
        ("  target:", "  processor: a.js\n  target:", "line 2: 'processor' is not known here; known are target, "),
        ("target: http", "payload: {path: a, fields: [a], delimiter: x}\n  target: http", "line 2: 'delimiter'"),
        ("target: http", "payload:\n  - path: a\n    fields: [a]\n    x: 1\n  target: http", "line 5: 'x'"),
        ("arrivalRate: 1", "arrivalRate: fast", "line 5: 'arrivalRate' is 'fast'; it takes a number"),
        ("arrivalRate: 1", "arrivalRate: -1", "line 5: 'arrivalRate' is -1; it takes 0 or more"),
        ("duration: 2m", "duration: .inf", "line 4: 'duration' is '.inf'; it takes a number"),
        ("duration: 2m", "duration: inf", "line 4: 'duration' is 'inf'; it takes a number"),
        ("config:", "config:\n  ensure: {p95: nan}", "line 2: 'p95' is 'nan'; it takes a number"),
        ("url: /sessions", "headers: {A: [1]}", "line 9: a header is [1]; it takes a text or a number"),
        ("- get:", "- [1]\n      - get:", "line 8: item 1 of 'flow' is [1]; it takes a mapping of keys to values"),
        ("arrivalRate: 1", "rampTo: 9", "line 4: a phase has one of arrivalRate, arrivalCount and pause"),
        ("duration: 2m\n     ", "", "line 4: a phase with arrivals has a duration"),
        ("arrivalRate: 1", "pause: 3", "line 4: a pause has no duration besides"),
        ("arrivalRate: 1", "arrivalRate: 1\n      arrivalRate: 2", "line 6: 'arrivalRate' is there twice"),
        ("- get:\n          url: /sessions", "- think: 1\n        get: {url: /}", "line 8: a step is one of get, "),
        ("url: /sessions", "json: {}\n          body: x", "line 8: a request has json or body"),
        ("url: /sessions", "url: /{{ $uuid() }}", "line 9: {{ $uuid() }} is not known here"),
        ("- flow", "- weight: 0\n    flow", ": every scenario has the weight 0"),
        ("url: /sessions", "url: [", ": it is not YAML: "),
        ("url: /sessions", "url: !!timestamp x", "line 9: 'x' is no 'timestamp'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(old: str, new: str, sentence: str) -> None:
    assert old in SCRIPT
    said = why(SCRIPT.replace(old, new, 1))
    assert said.startswith("load.yaml")
    assert sentence in said


def test_aliases_that_spell_an_endless_document_are_a_sentence() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    assert why(bomb) == "load.yaml: it has more than 100,000 values, with those that its aliases (*) repeat"
    merged = "m0: &m0 {x: 1}\n" + "".join(f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}]}}\n" for n in range(1, 40))
    assert "aliases" in why(merged)


@pytest.mark.parametrize("text", ["", "[1]", "&a [*a]", "[" * 5000, "a: \0", "9" * 5000, "? [1]\n: 2", "!!bool x"])
def test_nonsense_is_a_sentence(text: str) -> None:
    assert why(text).startswith("load.yaml")


def test_scalars_are_those_of_yaml_12() -> None:
    body = "url: /\n          json: {on: yes, at: 12:30, day: 2019-10-15, code: 007, n: 12, x: 1.5, e: 1e3, t: true}"
    request = read(SCRIPT.replace("url: /sessions", body)).scenarios[0].flow[0].request
    assert request
    assert request[1].json_ == {
        "on": "yes",
        "at": "12:30",
        "day": "2019-10-15",
        "code": "007",
        "n": 12,
        "x": 1.5,
        "e": 1000.0,
        "t": True,
    }


def test_a_name_without_a_value_is_noted_once_with_its_line_and_left_out() -> None:
    text = SCRIPT.replace("url: /sessions", "url: /{{ city }}\n          json: {a: '{{ question }}', b: 1}")
    text = text.replace("config:\n", "config:\n  variables: {city: [Ghent]}\n")
    found, notes = script.read(text, "load.yaml")
    assert notes == [
        "load.yaml, line 11: {{ question }} is no field and no variable; it is left out, as artillery leaves it out"
    ]
    request = found.scenarios[0].flow[0].request
    assert request
    assert rendering.value(request[1].json_, {"city": "Ghent"}) == {"b": 1}


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("{{ n }}", 7),
        ("{{n}}", 7),
        ("{{{ n }}}", 7),
        (" {{ n }}", " 7"),
        ("{{ n }}{{ s }}", "7x"),
        ("a {{ missing }} b", "a  b"),
        (["{{ missing }}", "{{ s }}"], ["x"]),
        ({"{{ s }}": {"deep": "{{ list }}"}}, {"x": {"deep": [1]}}),
        ("{{ list }}!", "[1]!"),
        (None, None),
    ],
)
def test_names_become_values(template: object, made: object) -> None:
    assert rendering.value(template, {"n": 7, "s": "x", "list": [1]}) == made


def payload(**more: object) -> script.Payload:
    return script.Payload.model_validate({"path": "a.csv", "fields": ["name", "code"], **more})


def test_a_payload_has_rows_with_numbers_that_are_numbers() -> None:
    text = '\ufeffname,code\n"Ghent, B",9000\n\nX,09000\nY,-1.5,more\n'
    assert users.rows(payload(skipHeader=True), text) == [
        {"name": "Ghent, B", "code": 9000},
        {"name": "X", "code": 9000},
        {"name": "Y", "code": -1.5},
    ]
    assert users.rows(payload(cast=False), "a,01\n") == [{"name": "a", "code": "01"}]


@pytest.mark.parametrize(
    ("cell", "value"),
    # what csv-parse 4.16.3, which artillery 2 uses, makes of it with `cast: true`
    [
        ("06", 6),
        ("+5", 5),
        ("5.", 5),
        (".5", 0.5),
        (" 7 ", 7),
        ("1e3", 1000),
        ("1.50", 1.5),
        ("-0", 0),
        ("1e999", "1e999"),
    ]
    + [(one, one) for one in ("", " ", "1,5", "1_0", "Infinity", "NaN", "5 km", "1e", "٣", "2026-11-26", "true", "-")],
)
def test_a_cell_is_the_number_that_artillery_makes_of_it(cell: str, value: object) -> None:
    assert users.rows(payload(), f'x,"{cell}"\n') == [{"name": "x", "code": value}]


@pytest.mark.parametrize(("text", "sentence"), [("", "has no rows"), ("a\n", "row 1 has 1 cells; fields names 2")])
def test_a_payload_that_does_not_fit_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(users.PayloadError, match=sentence):
        users.rows(payload(), text)


def test_users_are_drawn_by_weight_and_in_sequence_the_same_for_the_same_seed() -> None:
    text = SCRIPT.replace("config:\n", "config:\n  payload: {path: a, fields: [n], order: sequence}\n")
    found = read(text + "  - weight: 3\n    flow:\n      - think: 1\n")
    drawn = []
    for _ in range(2):
        source = users.users(found, [[{"n": 1}, {"n": 2}, {"n": 3}]], Random(7))
        drawn.append([next(source) for _ in range(400)])
    assert drawn[0] == drawn[1]
    assert [one.variables["n"] for one in drawn[0][:4]] == [1, 2, 3, 1]
    assert 250 < sum(one.scenario.weight == 3 for one in drawn[0]) < 350
