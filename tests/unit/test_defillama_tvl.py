"""DefiLlama's TVL of chains, one story each: which day a point closes, what is set aside, what is refused."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_pages import CHAINS, FETCHED, HISTORY, answer, body, column, point, points, read, refusal
from pages import CHALLENGE, SEEDS, Room, seconds

from pipelines.feeds.defillama_tvl import DefiLlamaChainsNow, DefiLlamaChainTvl
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Window

FEED, NOW = DefiLlamaChainTvl(SEEDS), DefiLlamaChainsNow(SEEDS)
MERLIN = f"{HISTORY}/Merlin"
JUNE = date(2024, 6, 1)
DAYS = [JUNE + timedelta(days=n) for n in range(9)]
WINDOW = Window(date(2024, 1, 1), date(2024, 12, 31))


def level(n: int) -> Decimal:
    return Decimal(100 + n)


def series(changes: dict | None = None, length: int = 5) -> bytes:
    """The first days of June, some of them as `changes` say, and the point of the moment."""
    return body(points({day: float(level(n)) for n, day in enumerate(DAYS[:length])} | (changes or {})))


def tvl(content: bytes, url: str = MERLIN, at: datetime = FETCHED) -> dict[date, Decimal]:
    return column(read(FEED, url, content, at), "tvl_usd")


# --- which day a point closes -------------------------------------------------------------------------------


def test_a_point_is_the_level_at_the_end_of_the_day_before():
    content = body(points({date(2025, 1, 1): 65998652431.40251}, last=date(2025, 1, 2)))
    [row] = read(FEED, MERLIN, content, datetime.fromisoformat("2025-01-03T02:00")).rows.to_dicts()
    assert row["observed_at"] == datetime.fromisoformat("2025-01-01T00:00")
    assert row["date_day"] == date(2024, 12, 31)
    assert row["tvl_usd"] == Decimal("65998652431.40")
    assert (row["chain_id"], row["tvl_definition"], row["source_name"]) == ("merlin", "defi", "Merlin")
    assert row["locator"] == "/0"


@pytest.mark.parametrize("last", [seconds(DAYS[5]), seconds(DAYS[5]) + 34_000])
def test_the_last_point_is_an_open_day_and_is_not_read(last):
    content = body([*points(dict.fromkeys(DAYS[:5], 7), last=None), point(last, 8)])
    assert list(tvl(content)) == [day - timedelta(days=1) for day in DAYS[:5]]


def test_a_history_of_one_point_has_no_closed_day_yet():
    checked = read(FEED, MERLIN, body(points({})))
    assert (checked.rows.height, checked.rejected.height) == (0, 0)


def test_the_history_without_a_name_is_the_total_of_all_chains():
    checked = read(FEED, HISTORY, series())
    assert set(checked.rows["chain_id"]) == {"all_chains"}
    assert set(checked.rows["source_name"]) == {"all"}


@pytest.mark.parametrize(
    ("path", "chain_id"),
    [("Rootstock", "rootstock"), ("RSK", "rootstock"), ("MAP%20Protocol", "map_protocol"), ("CORE", "core")],
)
def test_every_spelling_of_a_chain_is_the_chain(path, chain_id):
    assert set(read(FEED, f"{HISTORY}/{path}", series()).rows["chain_id"]) == {chain_id}


def test_a_chain_that_the_seeds_do_not_know_is_set_aside_and_named():
    checked = read(FEED, f"{HISTORY}/Newchain", series())
    assert checked.rows.height == 0
    assert checked.unknown.rows() == [("chain", "Newchain", 5)]


def test_levels_from_before_a_launch_are_kept_as_the_upstream_gives_them():
    early = date(2023, 12, 1)
    assert early < (SEEDS.chains["merlin"].launched_on or date.min)
    assert len(tvl(series({early: 5.0}))) == 6


# --- missing is never zero ----------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [0, 0.0, 0.001, -5.5, None, float("nan"), "NaN", "0"])
def test_a_level_that_is_none_is_set_aside_by_name(nothing):
    checked = read(FEED, MERLIN, series({DAYS[2]: nothing}))
    assert column(checked, "tvl_usd") == {day - timedelta(days=1): level(n) for n, day in enumerate(DAYS[:5]) if n != 2}
    [rejected] = checked.rejected.to_dicts()
    assert rejected["rule"] in {"tvl_usd|min_exclusive", "tvl_usd|nullability"}
    assert rejected["locator"] == "/2"
    assert f'"date":"{seconds(DAYS[2])}"' in rejected["row_json"]


@pytest.mark.parametrize("nothing", [0, -1, None, float("nan")])
def test_levels_that_are_none_never_refuse_the_history_however_many(nothing):
    checked = read(FEED, MERLIN, body(points(dict.fromkeys(DAYS[:8], nothing) | {DAYS[8]: 7})))
    assert checked.rows.height == 1
    assert checked.rejected.height == 8
    only = read(FEED, MERLIN, body(points(dict.fromkeys(DAYS, nothing))))
    assert (only.rows.height, only.rejected.height) == (0, 9)


def test_a_hole_in_the_middle_stays_a_hole():
    content = body(points({day: 7 for day in DAYS if day != DAYS[4]}))
    assert DAYS[4] - timedelta(days=1) not in tvl(content)
    assert len(tvl(content)) == 8


# --- faults of a row ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["n/a", "", True, {"usd": 5}, [5], 1e30])
def test_a_level_that_is_no_number_is_a_fault_of_its_row(cell):
    checked = read(FEED, MERLIN, series({DAYS[2]: cell}))
    assert checked.rows.height == 4
    assert checked.rejected["rule"].to_list() == ["readable"]
    six_of_nine = series(dict.fromkeys(DAYS[:6], cell), length=9)
    assert refusal(FEED, MERLIN, six_of_nine) is Outcome.TOO_MANY_FAULTS


def test_numbers_as_text_are_read():
    content = body([{"date": str(seconds(day)), "tvl": "123456.789"} for day in DAYS])
    assert set(tvl(content).values()) == {Decimal("123456.79")}
    assert len(tvl(content)) == 8


def test_a_number_with_an_exponent_is_read():
    assert tvl(series({DAYS[1]: 1.5e22}, length=1)) == {DAYS[0] - timedelta(days=1): level(0)}
    text = series().replace(b"102.0", b"1.5e3")
    assert tvl(text)[DAYS[1]] == Decimal(1500)


@pytest.mark.parametrize("stamp", [seconds(DAYS[2]) + 3600, seconds(DAYS[2]) + 1])
def test_a_point_away_from_midnight_is_a_fault_of_its_row_unless_it_is_the_last(stamp):
    checked = read(FEED, MERLIN, series({stamp: 5.0}))
    assert checked.rows.height == 5
    assert checked.rejected["rule"].to_list() == ["at_midnight"]


@pytest.mark.parametrize("stamp", [seconds(DAYS[2]) * 1000, 19_876, "2024-06-03", None, True, "soon", 1.5])
def test_a_date_that_is_not_in_seconds_is_a_fault_of_its_row(stamp):
    checked = read(FEED, MERLIN, series({stamp: 5.0}))
    assert checked.rows.height == 5
    assert checked.rejected["rule"].to_list() == ["readable"]
    assert "is not in seconds" in checked.rejected["reason"][0]


@pytest.mark.parametrize("units", [1000, 1_000_000])
def test_a_history_in_milliseconds_is_refused(units):
    content = body([{"date": seconds(day) * units, "tvl": 7} for day in DAYS])
    with pytest.raises(BodyRefused, match="no date of 9 is in seconds") as refused:
        read(FEED, MERLIN, content)
    assert refused.value.outcome is Outcome.LAYOUT_CHANGED


def test_a_point_of_the_future_is_set_aside_and_the_open_day_stays_open():
    """The newest point that is not of the future is still the one that moves."""
    later = {FETCHED.date() + timedelta(days=n): 7.0 for n in (1, 40, 300)}
    checked = read(FEED, MERLIN, body([*points(dict.fromkeys(DAYS[:5], 7)), *points(later, last=None)]))
    assert checked.rows.height == 5
    assert set(checked.rejected["rule"]) == {"not_after_fetched_at"}
    assert checked.rejected.height == 3


# --- order and doubles --------------------------------------------------------------------------------------


@given(st.permutations(range(9)), st.lists(st.integers(0, 8), max_size=4))
@settings(deadline=None, max_examples=60)
def test_any_order_and_any_repetition_of_points_is_the_same_history(order, again):
    given_points = points({day: float(level(n)) for n, day in enumerate(DAYS[:8])})
    shuffled = [given_points[n] for n in [*order, *again]]
    found = read(FEED, MERLIN, body(shuffled)).rows.drop("locator")
    assert found.equals(read(FEED, MERLIN, body(given_points)).rows.drop("locator"))
    assert found.height == 8


def test_a_date_twice_with_different_levels_refuses_the_history():
    content = body([*points({DAYS[0]: 5, DAYS[1]: 6}), point(DAYS[1], 7)])
    assert refusal(FEED, MERLIN, content) is Outcome.CONFLICTING_ROWS


# --- faults of a body ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (b"", Outcome.EMPTY_BODY),
        (CHALLENGE, Outcome.CHALLENGE),
        (b"<html><body><h1>502</h1></body></html>", Outcome.WRONG_TYPE),
        (b"[]", Outcome.LAYOUT_CHANGED),
        (b"{}", Outcome.LAYOUT_CHANGED),
        (b'{"message": "Internal server error"}', Outcome.LAYOUT_CHANGED),
        (b"[[1717200000, 5], [1717286400, 6]]", Outcome.LAYOUT_CHANGED),
        (b'[{"day": 1717200000, "tvl": 6}]', Outcome.LAYOUT_CHANGED),
        (b'[{"date": 1717200000, "usd": 6}, {"date": 1717286400, "usd": 6}]', Outcome.LAYOUT_CHANGED),
        (b'[{"date": "2024-06-01", "tvl": 5}]', Outcome.LAYOUT_CHANGED),
        (b'[{"date": 1717200000, "tvl": 6}, {"date": 1717286400}, null]', Outcome.LAYOUT_CHANGED),
        (series()[:-20], Outcome.TRUNCATED),
    ],
)
def test_a_body_that_is_no_history_is_refused_by_name(content, outcome):
    assert refusal(FEED, MERLIN, content) is outcome


def test_the_reason_of_a_refusal_has_what_came_instead():
    with pytest.raises(BodyRefused, match=r"no list of points but .*Internal server error"):
        read(FEED, MERLIN, b'{"message": "Internal server error"}')


# --- what is asked ------------------------------------------------------------------------------------------


def test_all_histories_are_one_question_for_each_chain_and_one_for_the_total():
    [questions] = list(FEED.requests(WINDOW))
    [snapshot] = list(NOW.requests(WINDOW))
    asked = SEEDS.asked_chains("defillama")
    assert len(asked) > 10
    assert len(questions) + len(snapshot) == len(asked) + 2
    assert len({question.url for question in questions}) == len(questions)
    assert questions[0].url == HISTORY
    assert f"{HISTORY}/MAP%20Protocol" in [question.url for question in questions]


def test_what_is_asked_is_owned_and_known_and_reads_as_its_chain():
    [questions] = list(FEED.requests(WINDOW))
    assert [question.full_url for question in questions] == FEED.known_urls
    found = {read(FEED, question.full_url, series()).rows["chain_id"][0] for question in questions}
    assert all(FEED.owns(question.target) for question in questions)
    assert found == {*SEEDS.asked_chains("defillama"), "all_chains"}


def test_a_chain_that_answers_404_leaves_the_others_alone():
    conversation = FEED.requests(WINDOW)
    questions = next(conversation)
    good = answer(questions[0].full_url, series())
    missing = [Failure(question, "f", FETCHED, Outcome.HTTP_ERROR, "status 404", 404) for question in questions[1:]]
    answers: list[Answer | Failure] = [good, *missing]
    with pytest.raises(StopIteration):
        conversation.send(answers)
    assert read(FEED, good.request.full_url, good.body).rows.height == 5


@pytest.mark.parametrize(
    ("url", "is_history", "is_list"),
    [
        (HISTORY, True, False),
        (f"{HISTORY}/", True, False),
        (f"{HISTORY}/BOB", True, False),
        (f"{HISTORY}/BOB/extra", False, False),
        (CHAINS, False, True),
        (f"{CHAINS}/BOB", False, False),
        ("https://api.llama.fi/protocols", False, False),
        ("https://coins.llama.fi/v2/chains", False, False),
    ],
)
def test_each_feed_owns_its_addresses(url, is_history, is_list):
    assert (FEED.owns(urlsplit(url)), NOW.owns(urlsplit(url))) == (is_history, is_list)


def test_a_day_is_closed_26_hours_after_its_end_and_a_list_at_once():
    assert (FEED.manners.settle_lag_hours, FEED.by_day) == (26, False)
    assert (NOW.manners.settle_lag_hours, NOW.manners.revision_window_days) == (0, 0)
    assert NOW.manners.hosts == FEED.manners.hosts


# --- the whole way ------------------------------------------------------------------------------------------


def test_pulling_an_unchanged_history_again_adds_no_row_and_no_body(tmp_path):
    room = Room(tmp_path, FEED)
    room.put(series(), FETCHED, MERLIN)
    assert room.load().written == 5
    room.put(series(), FETCHED + timedelta(hours=24), MERLIN)
    room.load()
    stored = room.rows("select count(*), max(run_number), min(last_seen_at) from feeds.defillama__chain_tvl")
    assert stored == [(5, 1, FETCHED + timedelta(hours=24))]
    assert len([*(room.archive.path / "bodies").rglob("*.zst")]) == 1


def test_a_rewritten_day_is_a_second_run_and_a_shorter_history_takes_nothing_away(tmp_path):
    room = Room(tmp_path, FEED)
    room.put(series(), FETCHED, MERLIN)
    room.put(series({DAYS[1]: 50.0}, length=3), FETCHED + timedelta(hours=24), MERLIN)
    room.load()
    stored = room.rows(
        "select date_day, run_number, tvl_usd from feeds.defillama__chain_tvl order by date_day, run_number"
    )
    assert [(day, run) for day, run, _ in stored] == [
        (DAYS[n] - timedelta(days=1), run) for n, run in [(0, 1), (1, 1), (1, 2), (2, 1), (3, 1), (4, 1)]
    ]
    assert [value for day, _, value in stored if day == DAYS[0]] == [Decimal("101.00"), Decimal("50.00")]


def test_an_empty_list_takes_nothing_away_and_is_told(tmp_path):
    room = Room(tmp_path, FEED)
    room.put(series(), FETCHED, MERLIN)
    room.put(b"[]", FETCHED + timedelta(hours=24), MERLIN)
    loaded = room.load()
    assert loaded.standing.rows == 5
    assert [incident.outcome for incident in loaded.incidents] == [Outcome.LAYOUT_CHANGED]


# --- the list of chains -------------------------------------------------------------------------------------


def chain(name: str, tvl: object = 5.0, **more: object) -> dict[str, object]:
    return {"gecko_id": None, "tvl": tvl, "tokenSymbol": None, "cmcId": None, "name": name, "chainId": None} | more


def test_all_chains_of_the_list_are_kept_those_of_the_seeds_with_their_id():
    listed = [chain("Bitlayer", 1.005, chainId=200901, tokenSymbol="BTR"), chain("Elsewhere", 7, chainId="9")]
    checked = read(NOW, CHAINS, body(listed))
    key = ("source_name", "snapshot_on")
    assert column(checked, "chain_id", key) == {
        ("Bitlayer", FETCHED.date()): "bitlayer",
        ("Elsewhere", FETCHED.date()): None,
    }
    assert [*column(checked, "evm_chain_id", key).values()] == [200901, 9]
    assert [*column(checked, "token_symbol", key).values()] == ["BTR", None]
    assert [*column(checked, "tvl_usd", key).values()] == [Decimal("1.01"), Decimal(7)]
    assert checked.unknown.height == 0


def test_a_dead_chain_of_the_list_has_a_printed_zero():
    assert read(NOW, CHAINS, body([chain("Naka", 0)])).rows["tvl_usd"].to_list() == [Decimal(0)]


@pytest.mark.parametrize("nothing", [None, float("nan"), -1])
def test_a_chain_without_a_level_is_set_aside_and_the_list_stands(nothing):
    checked = read(NOW, CHAINS, body([chain("BOB"), *(chain(f"C{n}", nothing) for n in range(20))]))
    assert checked.rows["source_name"].to_list() == ["BOB"]
    assert checked.rejected.height == 20
    assert '"name":"C0"' in checked.rejected["row_json"][0]


def test_a_chain_without_a_name_is_a_fault_of_its_row():
    listed = [chain("BOB"), chain("Merlin") | {"name": None}]
    assert read(NOW, CHAINS, body(listed)).rejected.height == 1


def test_a_chain_twice_with_different_levels_refuses_the_list():
    assert refusal(NOW, CHAINS, body([chain("BOB", 5), chain("BOB", 6)])) is Outcome.CONFLICTING_ROWS


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"chains": []}', b'["BOB"]', b'[{}, "BOB"]', b'[{"tvl": 5}]'])
def test_a_body_that_is_no_list_of_chains_is_refused(content):
    assert refusal(NOW, CHAINS, content) is Outcome.LAYOUT_CHANGED


def test_a_list_covers_the_chains_of_the_seeds(tmp_path):
    room = Room(tmp_path, NOW)
    room.put(body([chain("BOB"), chain("Elsewhere")]), FETCHED, CHAINS)
    room.load()
    start = datetime.combine(FETCHED.date(), datetime.min.time())
    assert room.rows("select entity_id, from_at, to_at from feeds.asked") == [("bob", start, start + timedelta(days=1))]
