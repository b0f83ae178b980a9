"""What people do about counting: the publication's rule, a reader's switches, repair and undo, by page and by command."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEntry
from newsletter.audience.models import Consent
from newsletter.audience.tracking import Choices, choices_of
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.link_models import Link, LinkRepair
from newsletter.delivery.models import Delivery
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.feedback.engagement.repairing import find_link, repair_link, undo_repair
from newsletter.issues.models import Publication
from newsletter.issues.publications import edit_publication
from tests.support.counted import HandClock, SentIssue, counted_now, send_counted
from tests.support.signed_in import Browser, TestClient


@pytest.fixture
def sent(parts: Container) -> SentIssue:
    return send_counted(parts, "ada@example.com", "bo@example.com")


def target_of(parts: Container, sent: SentIssue, link: int = 0) -> str:
    with parts.reading_sessions() as session:
        return session.scalars(select(Link.target).where(Link.key == sent.keys[link])).one()


def choices(parts: Container, sent: SentIssue) -> Choices:
    with parts.reading_sessions() as session:
        return choices_of(session, session.get_one(Delivery, sent.deliveries[0]).subscriber_id)


def rules(parts: Container, clicks: str, opens: str) -> None:
    with unit_of_work(parts.sessions) as session:
        publication = session.scalars(select(Publication)).one()
        edit_publication(session, publication, {"click_counting": clicks, "open_counting": opens})


def saved(
    visitor: TestClient, sent: SentIssue, *counted: str, asked: tuple[str, ...] = ("clicks", "opens")
) -> str:
    form = {"lists": "1", "name": "", "language": "", "asked": list(asked), "counted": list(counted)}
    answer = visitor.post(f"/p/{sent.tokens[0]}", data=form)
    assert answer.status_code == 200
    return answer.text


def test_a_reader_says_no_and_yes_again(visitor: TestClient, parts: Container, sent: SentIssue) -> None:
    page = visitor.get(f"/p/{sent.tokens[0]}").text
    assert 'value="clicks" checked' in page
    assert 'value="opens" checked' not in page
    assert choices(parts, sent) == Choices()
    assert "Saved." in saved(visitor, sent)
    assert choices(parts, sent) == Choices(clicks=False)
    assert "Saved." in saved(visitor, sent, "clicks", "opens")
    assert choices(parts, sent) == Choices(clicks=True, opens=True)
    with parts.reading_sessions() as session:
        said = session.execute(
            select(Consent.action, Consent.wording)
            .where(Consent.action.like("%s\\_%", escape="\\"))
            .order_by(Consent.id)
        ).all()
    assert [row.action for row in said] == ["clicks_no", "clicks_yes", "opens_yes"]
    assert {row.wording for row in said} == {"Count which links I follow", "Count whether I open an issue"}


def test_saving_something_else_chooses_nothing(
    visitor: TestClient, parts: Container, sent: SentIssue
) -> None:
    saved(visitor, sent, "clicks")
    saved(visitor, sent, asked=())  # an older page, which had no switches
    assert choices(parts, sent) == Choices()


def test_switches_are_shown_where_there_is_something_to_switch(
    visitor: TestClient, parts: Container, sent: SentIssue
) -> None:
    rules(parts, "off", "off")
    assert "What we count" not in visitor.get(f"/p/{sent.tokens[0]}").text
    rules(parts, "asked", "off")
    page = visitor.get(f"/p/{sent.tokens[0]}").text
    assert 'value="clicks"' in page
    assert 'value="clicks" checked' not in page
    assert 'value="opens"' not in page


def test_who_agreed_can_take_it_back_when_the_publication_counts_no_more(
    visitor: TestClient, parts: Container, sent: SentIssue
) -> None:
    saved(visitor, sent, "clicks", "opens")
    rules(parts, "off", "off")
    assert 'value="opens" checked' in visitor.get(f"/p/{sent.tokens[0]}").text
    saved(visitor, sent, "clicks")
    assert choices(parts, sent).opens is False


@pytest.mark.parametrize(
    ("word", "value"), [("click_counting", "everybody"), ("open_counting", "all"), ("open_counting", "")]
)
def test_rules_that_there_are_not(parts: Container, sent: SentIssue, word: str, value: str) -> None:
    with pytest.raises(InvalidInput, match="counted"), unit_of_work(parts.sessions) as session:
        edit_publication(session, session.scalars(select(Publication)).one(), {word: value})


def test_an_administrator_sets_the_rule(parts: Container, sent: SentIssue) -> None:
    admin = Browser(parts, "admin")
    assert 'id="pk"' in admin.get("/admin/publications/p").text
    given = {"name": "P", "from_address": "letter@example.com", "language": "en", "time_zone": "UTC", "accent": "#0f566b",
             "description": "", "postal_address": "1 Quay", "click_counting": "asked", "open_counting": "off"}  # fmt: skip
    assert admin.send("/admin/publications/p", **given).status_code == 200
    with parts.reading_sessions() as session:
        assert session.scalars(select(Publication.click_counting)).one() == "asked"


def test_an_editor_repairs_a_link_and_undoes_it(
    visitor: TestClient, parts: Container, sent: SentIssue, clock: HandClock
) -> None:
    visitor.get(sent.path(1))
    counted_now(parts, clock)
    editor, page = Browser(parts, "editor"), f"/admin/campaigns/{sent.campaign_id}/links"
    shown = editor.get(page).text
    assert "https://harbour.example/2" in shown
    assert "letters.example.org/letter/n/1" not in shown  # the invisible one
    with parts.reading_sessions() as session:
        number = session.scalars(select(Link.id).where(Link.key == sent.keys[0])).one()
    answer = editor.send(f"{page}/{number}/repair", target=" https://harbour.example/right ")
    assert answer.status_code in (200, 303)
    clock.move(6)
    assert visitor.get(sent.path(0)).headers["location"] == "https://harbour.example/right"
    assert "repaired" in editor.get(page).text
    editor.send(f"{page}/{number}/undo")
    assert target_of(parts, sent) == "https://harbour.example/1"
    with parts.reading_sessions() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.object == f"link {number}"))
        assert sorted(actions) == ["link.repair", "link.undo"]
        assert session.scalars(select(LinkRepair.actor)).all() == ["editor@example.com"] * 2


def test_a_viewer_only_looks(parts: Container, sent: SentIssue) -> None:
    viewer, page = Browser(parts, "viewer"), f"/admin/campaigns/{sent.campaign_id}/links"
    assert "Lead elsewhere" not in viewer.get(page).text
    assert viewer.send(f"{page}/1/repair", target="https://evil.example/").status_code == 403
    assert target_of(parts, sent) == "https://harbour.example/1"


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "//evil.example", "harbour.example", "", "https://a.example/\r\nX: y"]
)
def test_what_no_link_can_lead_to(parts: Container, sent: SentIssue, clock: HandClock, target: str) -> None:
    with parts.sessions() as session, pytest.raises(InvalidInput):
        repair_link(session, find_link(session, 1), target, actor="t", now=clock.now())


def test_repairs_that_change_nothing_and_links_that_are_not_there(
    parts: Container, sent: SentIssue, clock: HandClock
) -> None:
    with parts.sessions() as session:
        link = find_link(session, 1)
        with pytest.raises(Conflict):
            repair_link(session, link, link.target, actor="t", now=clock.now())
        with pytest.raises(Conflict):
            undo_repair(session, link, actor="t", now=clock.now())
        for number in (999, len(sent.keys)):  # the last is the invisible one
            with pytest.raises(NotFound):
                find_link(session, number)
        with pytest.raises(NotFound):
            find_link(session, 1, issue_id=sent.issue_id + 1)


def test_the_campaigns_page_shows_people_uncertain_and_machines(
    visitor: TestClient, parts: Container, sent: SentIssue, clock: HandClock
) -> None:
    visitor.get(sent.path(1))
    counted_now(parts, clock)
    page = Browser(parts, "viewer").get(f"/admin/campaigns/{sent.campaign_id}").text
    assert 'id="clicks"' in page
    assert f"/admin/campaigns/{sent.campaign_id}/links" in page
