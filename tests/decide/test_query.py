"""The cluster query language: what is true of which instance, and what is wrong at which column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.query import MAX_LENGTH, ExpressionError, compile_expression
from ecssim.decide.query_regex import RegexError, java_pattern


@dataclass
class Facts:
    attributes: Mapping[str, str | None] = field(
        default_factory=lambda: {
            "ecs.instance-type": "t2.small",
            "stack": "prod",
            "slots": "10",
            "flag": None,
            "team": "a b",
        }
    )
    agent_connected: bool = True
    agent_version: str = "1.89.2"
    ec2_instance_id: str = "i-0abc"
    registered_at: float = 1529360908.0  # 2018-06-18T22:28:28Z
    running_tasks_count: int = 3
    task_groups: tuple[str, ...] = ("service:db", "family:job")


TRUTHS = [
    ("attribute:stack == prod", True),
    ("attribute:stack equals prod", True),
    ("attribute:stack==prod", True),
    ("attribute:stack == 'prod'", True),
    ("attribute:stack != prod", False),
    ("attribute:stack not_equals test", True),
    ("attribute:team == 'a b'", True),
    ("attribute:missing == x", False),
    ("attribute:missing != x", False),
    ("not(attribute:missing == x)", True),
    ("attribute:missing !in [x]", False),
    ("attribute:missing !~ x", False),
    ("attribute:flag exists", True),
    ("attribute:flag == ''", True),
    ("attribute:flag != x", True),
    ("attribute:missing exists", False),
    ("attribute:missing !exists", True),
    ("attribute:missing not_exists", True),
    ("attribute:stack in [test, prod]", True),
    ("attribute:team in ['a b', c]", True),
    ("attribute:stack !in [test, prod]", False),
    ("attribute:stack not_in [test]", True),
    ("attribute:ecs.instance-type =~ t2.*", True),
    ("attribute:ecs.instance-type matches t2", False),
    ("attribute:ecs.instance-type =~ '(t2|m4)[.](small|large)'", True),
    ("attribute:ecs.instance-type !~ g2.*", True),
    ("attribute:ecs.instance-type not_matches t2.*", False),
    ("attribute:slots > 9", True),
    ("attribute:slots greater_than 9.5", True),
    ("attribute:stack >= prod", True),
    ("attribute:slots == 10.0", False),
    ("attribute:stack > 9", True),
    ("attribute:slots > a", False),
    ("attribute:slots less_than_equal 10", True),
    ("attribute:slots < 9", False),
    ("agentConnected == true", True),
    ("agentConnected != true", False),
    ("agentConnected in [true, false]", True),
    ("agentConnected =~ tr.e", True),
    ("agentVersion >= 1.9.0", True),
    ("agentVersion == 1.89.2.0", True),
    ("agentVersion < 1.89.10", True),
    ("agentVersion != 1.89.2", False),
    ("ec2InstanceId == i-0abc", True),
    ("ec2InstanceId in ['i-0abc', 'i-1']", True),
    ("ec2InstanceId !~ i-0.*", False),
    ("registeredAt >= 2018-06-18T22:28:28+00:00", True),
    ("registeredAt == 2018-06-18T22:28:28Z", True),
    ("registeredAt == 2018-06-18T22:28:28", True),
    ("registeredAt == 2018-06-19T00:28:28+02:00", True),
    ("registeredAt > 2018-06-18", True),
    ("registeredAt < 2018-06-18", False),
    ("runningTasksCount == 3", True),
    ("runningTasksCount < 3", False),
    ("runningTasksCount less_than_equal 3", True),
    ("task:group == service:db", True),
    ("not(task:group == service:db)", False),
    ("task:group == service:web", False),
    ("task:group != service:db", False),
    ("task:group != service:web", True),
    ("task:group in [service:web, family:job]", True),
    ("task:group =~ service:.*", True),
    ("task:group !~ service:.*", False),
    ("task:group exists", True),
    ("task:group !exists", False),
    ("attribute:stack == prod and attribute:slots == 1", False),
    ("attribute:stack == prod && attribute:slots == 10", True),
    ("attribute:stack == x or attribute:slots == 10", True),
    ("attribute:stack == x||attribute:slots == 10", True),
    ("attribute:stack == prod or attribute:stack == x and attribute:slots == 1", True),
    ("(attribute:stack == prod or attribute:stack == x) and attribute:slots == 1", False),
    ("not attribute:stack == x and attribute:slots == 1", False),
    ("!(attribute:stack == x) && !attribute:slots == 1", True),
    ("not not attribute:stack == prod", True),
    ("not not not attribute:stack == prod", False),
    ("attribute:stack == and or attribute:stack == or", False),
    ("attribute:flag ! exists", False),
    ("  attribute:stack\n==\tprod ", True),
]


@pytest.mark.rule("PLACE-042", "PLACE-043", "PLACE-044", "PLACE-045", "PLACE-046", "PLACE-047", "PLACE-048")
@pytest.mark.rule("PLACE-049", "PLACE-050", "PLACE-051")
@pytest.mark.parametrize(("text", "true"), TRUTHS, ids=[text for text, _ in TRUTHS])
def test_what_an_expression_says_of_an_instance(text: str, true: bool) -> None:
    assert compile_expression(text)(Facts()) is true


@pytest.mark.rule("PLACE-051")
@pytest.mark.parametrize("text", ["agentVersion != 1.0", "agentVersion < 9", "ec2InstanceId != i-1"])
def test_what_an_instance_does_not_have_satisfies_no_comparison(text: str) -> None:
    assert not compile_expression(text)(Facts(agent_version="", ec2_instance_id=""))


@pytest.mark.rule("PLACE-046")
@pytest.mark.parametrize(
    ("text", "true"),
    [("agentConnected == false", True), ("agentConnected =~ f.*e", True), ("agentConnected != false", False)],
)
def test_an_agent_that_is_away(text: str, true: bool) -> None:
    assert compile_expression(text)(Facts(agent_connected=False)) is true


@pytest.mark.rule("PLACE-050")
def test_an_instance_without_tasks_runs_none_of_any_group() -> None:
    empty = Facts(task_groups=())
    assert not compile_expression("task:group == service:db")(empty)
    assert compile_expression("task:group != service:db")(empty)
    assert not compile_expression("task:group exists")(empty)


@pytest.mark.parametrize(
    ("text", "dynamic"),
    [
        ("attribute:a == 1 and registeredAt > 2018-01-01 or agentVersion > 1", False),
        ("attribute:a == 1 or not(runningTasksCount > 1)", True),
        ("agentConnected == true", True),
        ("task:group exists", True),
        ("ec2InstanceId == i-1", False),
        ("registeredAt > 2018-01-01", False),
        ("agentVersion > 1", False),
    ],
)
def test_an_expression_knows_whether_tasks_or_connections_move_it(text: str, dynamic: bool) -> None:
    assert compile_expression(text).dynamic is dynamic


def test_equal_texts_are_one_predicate() -> None:
    assert compile_expression("attribute:a exists") == compile_expression("attribute:a exists")
    assert compile_expression("attribute:a exists") != compile_expression("attribute:b exists")


ERRORS = [
    ("stack == blue", 1, "an attribute is asked for as attribute:stack", "PLACE-046"),
    ("== 1", 1, "'=='; expected (", "PLACE-043"),
    ("$ == 1", 1, "'$'; expected (", "PLACE-043"),
    ("attribute:stack === blue", 19, "a value that begins so is written in single quotes", "PLACE-043"),
    ("agentConnected == yes", 19, "true or false, not 'yes'", "PLACE-047"),
    ("agentConnected in [true, maybe]", 26, "true or false, not 'maybe'", "PLACE-047"),
    ("", 1, "the expression is empty", "PLACE-043"),
    ("attribute:x", 12, "the expression ends here; expected an operator", "PLACE-043"),
    ("attribute:x ==", 15, "expected a value", "PLACE-043"),
    ("attribute:x = a", 13, "'=' is not an operator", "PLACE-043"),
    ("attribute:x equal a", 13, "'equal' is not an operator", "PLACE-043"),
    ("attribute:x == a b", 18, "'b'; expected and", "PLACE-043"),
    ("attribute:x == (a|b)", 16, "written in single quotes", "PLACE-043"),
    ('attribute:x == "a"', 16, "quoted with single quotes", "PLACE-043"),
    ("attribute:x == 'a", 16, "the quoted value has no end", "PLACE-043"),
    ("attribute:x in a", 16, "expected [", "PLACE-043"),
    ("attribute:x in [a", 18, "the expression ends here", "PLACE-043"),
    ("(attribute:x == a", 18, "expected )", "PLACE-043"),
    ("attribute:x == a)", 17, "')'", "PLACE-043"),
    ("attribute:x == a and", 21, "the expression ends here", "PLACE-043"),
    ("foo == 1", 1, "subjects are agentConnected", "PLACE-046"),
    ("runningTaskCount > 1", 1, "did you mean runningTasksCount?", "PLACE-046"),
    ("attribute:a exists or attribut:b exists", 23, "did you mean attribute:<name>?", "PLACE-046"),
    ("agentConnected > 1", 16, "agentConnected does not take >", "PLACE-047"),
    ("ec2InstanceId exists", 15, "ec2InstanceId does not take exists", "PLACE-047"),
    ("registeredAt =~ 2018.*", 14, "registeredAt does not take =~", "PLACE-047"),
    ("runningTasksCount in [1, 2]", 19, "runningTasksCount does not take in", "PLACE-047"),
    ("runningTasksCount > many", 21, "a whole number, not 'many'", "PLACE-047"),
    ("agentVersion > latest", 16, "dotted numbers", "PLACE-048"),
    ("registeredAt > yesterday", 16, "registeredAt is like", "PLACE-048"),
    ("registeredAt > 2018-13-01", 16, "month must be in 1..12", "PLACE-048"),
    ("attribute:x =~ '\\p{L}+'", 16, "Unicode property class", "PLACE-049"),
    ("attribute:x =~ '('", 16, "is no regular expression", "PLACE-049"),
    ("attribute: == a", 1, "attribute name ''", "PLACE-054"),
    ("attribute:a:b == c", 1, "attribute name 'a:b'", "PLACE-054"),
]


@pytest.mark.rule("PLACE-043", "PLACE-046", "PLACE-047", "PLACE-048", "PLACE-049", "PLACE-054")
@pytest.mark.parametrize(("text", "column", "message", "rule"), ERRORS, ids=[row[0] or "(empty)" for row in ERRORS])
def test_what_is_wrong_and_at_which_column(text: str, column: int, message: str, rule: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert message in caught.value.message
    assert (caught.value.column, caught.value.rule) == (column, rule)
    assert str(caught.value).endswith("^")


SUBJECTS = (
    "subjects are agentConnected, agentVersion, attribute:<name>, ec2InstanceId, registeredAt, runningTasksCount, "
    "task:group"
)
QUOTE_BEGIN = "(a value that begins so is written in single quotes)"
QUOTE_SIGNS = "(a value with ( ) [ ] or , is written in single quotes)"
# Every sentence as the user reads it.
SENTENCES = [
    ("", "the expression is empty; expected (, a subject such as attribute:name or not"),
    ("== 1", "'=='; expected (, a subject such as attribute:name or not"),
    ("attribute:x", "the expression ends here; expected an operator such as ==, exists or in"),
    ("attribute:x = a", "'=' is not an operator; expected an operator such as ==, exists or in"),
    ("attribute:x 'a'", "quoted value; expected an operator such as ==, exists or in"),
    ("attribute:x ''", "quoted value; expected an operator such as ==, exists or in"),
    ("attribute:x ==", "the expression ends here; expected a value"),
    ("attribute:x === b", f"'='; expected a value {QUOTE_BEGIN}"),
    ("attribute:x == > b", f"'>'; expected a value {QUOTE_BEGIN}"),
    ("attribute:x == <b", f"'<'; expected a value {QUOTE_BEGIN}"),
    ("attribute:x == (a|b)", f"'('; expected a value {QUOTE_SIGNS}"),
    ("attribute:x == ]", f"']'; expected a value {QUOTE_SIGNS}"),
    ("attribute:x in [,]", f"','; expected a value {QUOTE_SIGNS}"),
    ('attribute:x == "a"', "double quote; expected a value (values are quoted with single quotes)"),
    ("attribute:x == 'a", "the quoted value has no end; expected a value"),
    ("attribute:x == 'a' 'b'", "quoted value; expected and, or or the end"),
    ("attribute:x == a b", "'b'; expected and, or or the end"),
    ("attribute:x == a)", "')'; expected the end"),
    ("attribute:x in a", "'a'; expected ["),
    ("attribute:x in [a b", "'b'; expected , or ]"),
    ("(attribute:x == a", "the expression ends here; expected )"),
    ("foo == 1", f"unknown subject 'foo'; an attribute is asked for as attribute:foo; {SUBJECTS}"),
    ("foo:bar == 1", f"unknown subject 'foo:bar'; {SUBJECTS}"),
    ("attribut:b exists", "unknown subject 'attribut:b'; did you mean attribute:<name>?"),
    ("runningTaskCount > 1", "unknown subject 'runningTaskCount'; did you mean runningTasksCount?"),
]


@pytest.mark.rule("PLACE-043", "PLACE-046")
@pytest.mark.parametrize(("text", "sentence"), SENTENCES, ids=[row[0] or "(empty)" for row in SENTENCES])
def test_what_is_wrong_in_whole_sentences(text: str, sentence: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert caught.value.message == sentence


def test_the_picture_of_an_error_points_at_its_column() -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression("attribute:x == a b")
    assert str(caught.value) == (
        "column 18: 'b'; expected and, or or the end [PLACE-043]\n  attribute:x == a b\n" + " " * 19 + "^"
    )


@pytest.mark.rule("PLACE-030")
def test_an_expression_is_at_most_2000_characters_long() -> None:
    fitting = "attribute:x exists".rjust(MAX_LENGTH, "!").replace("!attribute", " attribute")
    assert compile_expression(fitting)(Facts(attributes={"x": None})) is (fitting.count("!") % 2 == 0)
    with pytest.raises(ExpressionError, match="2001 characters"):
        compile_expression(fitting + " ")


def test_the_deepest_nesting_that_fits_does_not_overflow() -> None:
    term = "attribute:stack exists"
    depth = (MAX_LENGTH - len(term)) // 2
    assert compile_expression("(" * depth + term + ")" * depth)(Facts())


ALIKE = [
    "t2.*",
    "[a-c]+",
    "(a|b){2,3}",
    "a{2}+",
    "(?:x)?",
    "(?=a)a",
    "(?<!b)a",
    "(?>a+)b",
    "\\d+\\.\\w*",
    "[^\\]]",
    "[a{]",
    "x[^{]",
]


@pytest.mark.rule("PLACE-049")
@pytest.mark.parametrize("text", ALIKE)
def test_what_java_and_python_read_alike_is_taken(text: str) -> None:
    assert java_pattern(text).pattern == text


@pytest.mark.rule("PLACE-049")
@pytest.mark.parametrize(
    ("text", "construct"),
    [
        ("\\p{Lower}", "Unicode property class"),
        ("\\Qa.b\\E", "quotation"),
        ("a\\z", "anchor \\z"),
        ("a\\Z", "anchor \\Z"),
        ("\\h", "horizontal space"),
        ("\\R", "line break"),
        ("\\07", "octal"),
        ("\\x{1F600}", "code point"),
        ("\\k<n>", "named back-reference"),
        ("\\y", "escape \\y"),
        ("(?<n>a)", "named group (?<name>"),
        ("(?P<n>a)", "Python's (?P"),
        ("(?i)a", "inline flags"),
        ("(?#note)a", "comment"),
        ("(a)?(?(1)b)", "conditional group"),
        ("[a-z&&[^b]]", "intersection &&"),
        ("[a[b]]", "nested character class"),
        ("[]a]", "unescaped ] first"),
        ("[^]a]", "unescaped ] first"),
        ("[a]{", "brace that is no quantifier"),
        ("[\\b]", "\\b in a character class"),
        ("[a--b]", "doubled -"),
        ("a{,3}", "brace that is no quantifier"),
        ("{", "brace that is no quantifier"),
        ("[a", "without end"),
        ("a\\", "ends in a backslash"),
        ("(?<=a+)b", "is no regular expression"),
    ],
)
def test_what_they_read_differently_is_refused_by_name(text: str, construct: str) -> None:
    with pytest.raises(RegexError, match=re.escape(construct)):
        java_pattern(text)


@pytest.mark.rule("PLACE-049")
def test_letters_and_digits_are_ascii_as_in_java() -> None:
    assert not compile_expression("attribute:stack =~ '\\d'")(Facts(attributes={"stack": "٣"}))


@given(st.text(alphabet="ab()[]!<>=~&|'\", :.{}\\?*+09", max_size=40), st.booleans())
def test_any_text_compiles_or_is_refused_with_a_column_inside_it(text: str, after_subject: bool) -> None:
    text = "attribute:x " * after_subject + text
    refused: ExpressionError | None = None
    try:
        compile_expression(text)(Facts())
    except ExpressionError as error:
        refused = error
    assert refused is None or 1 <= refused.column <= len(text) + 1


def test_importing_the_language_does_not_load_the_parser() -> None:
    import subprocess
    import sys

    code = "import sys, ecssim.decide.query; sys.exit('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
