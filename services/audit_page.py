"""A report of the audit as a page of HTML: for a browser and for paper, with nothing from outside.

Everything that somebody may have typed is escaped; there is no script in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from html import escape
from typing import Final

from services.audit_report import EDITS_MOST, AuditReport, Edited, MemberActivity, details_of
from store.audit_chain import Link

_TOGETHER: Final = 12  # changes of one edit that are told one by one
_STYLE: Final = """
:root { --ink: #16202c; --soft: #5a6878; --line: #d9e0e7; --wash: #f4f7f9; --accent: #0b5c7a;
  --bar: #bcd9e4; --warn: #8a4b08; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: #fff;
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 2.5rem 2rem 3rem; }
header { border-bottom: 3px solid var(--accent); padding-bottom: 1rem; margin-bottom: 1.75rem; }
.kind { color: var(--accent); font-weight: 600; letter-spacing: .04em; margin: 0; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: .15rem 0 .35rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .6rem; break-after: avoid; }
p { margin: .3rem 0; } .soft { color: var(--soft); } .warn { color: var(--warn); }
dl.cards { display: grid; gap: .75rem; margin: 0;
  grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); }
dl.cards div { background: var(--wash); border: 1px solid var(--line); border-radius: .5rem;
  padding: .7rem .9rem; }
dl.cards dt { color: var(--soft); font-size: .82rem; }
dl.cards dd { margin: 0; font-size: 1.55rem; font-weight: 600; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; }
th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 2px solid var(--line);
  padding: .35rem .6rem .35rem 0; vertical-align: bottom; }
td { border-bottom: 1px solid var(--line); padding: .4rem .6rem .4rem 0; vertical-align: top;
  overflow-wrap: anywhere; }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; }
td.n { white-space: nowrap; } td.who { min-width: 8.5rem; overflow-wrap: break-word; }
td.t { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.bar { width: 45%; } td.bar i { display: block; height: .85em; border-radius: .2em;
  background: var(--bar); margin-top: .25em; min-width: 2px; print-color-adjust: exact;
  -webkit-print-color-adjust: exact; }
ul { list-style: none; margin: 0; padding: 0; } td code { white-space: nowrap; }
code { font: .92em ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.role { color: var(--soft); font-size: .82rem; }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: .8rem;
  color: var(--soft); font-size: .82rem; overflow-wrap: anywhere; }
@media (max-width: 40rem) { main { padding: 1.25rem 1rem; } .wide { overflow-x: auto; } }
@page { margin: 16mm 14mm; }
@media print { main { max-width: none; padding: 0; } tr, dl.cards div { break-inside: avoid; }
  thead { display: table-header-group; } body { font-size: 11px; }
  dl.cards { grid-template-columns: repeat(6, 1fr); gap: .5rem; } td.who { min-width: 7.5rem; } }
"""


def page_of(report: AuditReport) -> str:
    """The whole document."""
    title = f"Audit report: {report.tenant_name}"
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            # Nothing is fetched and nothing runs, whatever the page is shown by.
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; ',
            "style-src 'unsafe-inline'\">\n",
            f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n",
            *_head(report),
            *_cards(report),
            *_members(report),
            *_actions(report),
            *_sensitive(report),
            *_edits(report),
            *_foot(report),
            "</main>\n</body>\n</html>\n",
        )
    )


def _head(report: AuditReport) -> Iterator[str]:
    yield (
        '<header>\n<p class="kind">Access and change report</p>\n'
        f"<h1>{escape(report.tenant_name)}</h1>\n"
        f"<p>{_minute(report.since)} to {_minute(report.until)}, UTC</p>\n"
    )
    if report.kept_since is None:
        yield '<p class="warn">The audit holds no event.</p>\n'
    elif report.kept_since > report.since:
        yield (
            f'<p class="warn">The audit is kept from {_minute(report.kept_since)} on: what is '
            "older is not in this report.</p>\n"
        )
    yield "</header>\n"


def _cards(report: AuditReport) -> Iterator[str]:
    people = [each for each in report.members if each.actor_kind != "SYSTEM"]
    read: set[str] = set().union(*(each.models_read for each in people))
    changed: set[str] = set().union(*(each.models_changed for each in people))
    operators = sum(each.actor_kind == "OPERATOR" for each in people)
    yield '<dl class="cards">\n'
    for name, number in (
        ("Events", report.events),
        ("People active", len(people) - operators),
        ("Models seen", len(read)),
        ("Models changed", len(changed)),
        ("Files taken away", sum(each.exports for each in people)),
        ("Operators", operators),
    ):
        yield f"<div><dt>{name}</dt><dd>{number:,}</dd></div>\n"
    yield "</dl>\n"


def _members(report: AuditReport) -> Iterator[str]:
    yield "<h2>By member</h2>\n"
    if not report.members:
        yield '<p class="soft">Nobody did anything in this period.</p>\n'
        return
    heads = (
        "Signed in",
        "Models seen",
        "Models changed",
        "Changes",
        "Valuations",
        "Files",
        "Admin",
    )
    numbers = "".join(f'<th class="n">{name}</th>' for name in heads)
    rows = "".join(_member(each) for each in report.members)
    yield (
        f'<div class="wide"><table>\n<thead><tr><th>Who</th>{numbers}<th>First</th><th>Last</th>'
        f"</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )


def _member(each: MemberActivity) -> str:
    numbers = (
        each.logins,
        len(each.models_read),
        len(each.models_changed),
        each.changes,
        each.valuations,
        each.exports,
        each.administrative,
    )
    cells = "".join(
        f'<td class="n">{number:,}</td>' if number else '<td class="n soft">–</td>'
        for number in numbers
    )
    role = each.role or {"OPERATOR": "operator, by a grant"}.get(each.actor_kind, "")
    return (
        f'<tr><td class="who">{escape(each.name)}<br>'
        f'<span class="role">{escape(role.capitalize())}</span></td>'
        f'{cells}<td class="t">{_day(each.first_at)}</td>'
        f'<td class="t">{_day(each.last_at)}</td></tr>\n'
    )


def _actions(report: AuditReport) -> Iterator[str]:
    if not report.by_action:
        return
    most = max(report.by_action.values())
    yield '<h2>What was done</h2>\n<table>\n<thead><tr><th>Action</th><th class="n">Events</th>'
    yield "<th></th></tr></thead>\n<tbody>\n"
    for action, count in sorted(report.by_action.items(), key=lambda item: (-item[1], item[0])):
        yield (
            f'<tr><td><code>{escape(action)}</code></td><td class="n">{count:,}</td>'
            f'<td class="bar"><i style="width:{100.0 * count / most:.1f}%"></i></td></tr>\n'
        )
    yield "</tbody>\n</table>\n"


def _sensitive(report: AuditReport) -> Iterator[str]:
    yield "<h2>Access, roles, exports and operators, one by one</h2>\n"
    if not report.sensitive:
        yield '<p class="soft">Nothing of the kind in this period.</p>\n'
        return
    left = report.sensitive_events - len(report.sensitive)
    if left:
        yield f'<p class="warn">The newest {len(report.sensitive):,}; {left:,} came before.</p>\n'
    rows = "".join(_event(report, link) for link in report.sensitive)
    yield (
        '<div class="wide"><table>\n<thead><tr><th class="n">No.</th><th>When</th><th>Who</th>'
        f"<th>What</th><th>To what</th><th>Details</th></tr></thead>\n<tbody>\n{rows}</tbody>\n"
        "</table></div>\n"
    )


def _event(report: AuditReport, link: Link) -> str:
    subject = f"{link.subject_kind} {_short(link.subject)}"
    return (
        f'<tr><td class="n">{link.seq}</td><td class="t">{_minute(link.at)}</td>'
        f'<td class="who">{escape(_who(report, link))}</td>'
        f"<td><code>{escape(link.action)}</code></td>"
        f"<td>{escape(subject)}</td><td>{escape(details_of(link))}</td></tr>\n"
    )


def _edits(report: AuditReport) -> Iterator[str]:
    yield "<h2>Changes of models, one by one</h2>\n"
    if not report.edits:
        yield '<p class="soft">None in this period, or none that you may read.</p>\n'
        return
    if len(report.edits) == EDITS_MOST:
        yield f'<p class="warn">The newest {EDITS_MOST:,}.</p>\n'
    rows = "".join(_edit(report, each) for each in report.edits)
    yield (
        '<div class="wide"><table>\n<thead><tr><th class="n">No.</th><th>When</th><th>Who</th>'
        f"<th>Model</th><th>From what to what</th></tr></thead>\n<tbody>\n{rows}</tbody>\n"
        "</table></div>\n"
    )


def _edit(report: AuditReport, each: Edited) -> str:
    link, more = each.link, len(each.changes) - _TOGETHER
    told = [f"<li>{escape(change.text)}</li>" for change in each.changes[:_TOGETHER]]
    if more > 0:
        told.append(f'<li class="soft">and {more:,} more, in the model’s own log</li>')
    return (
        f'<tr><td class="n">{link.seq}</td><td class="t">{_minute(link.at)}</td>'
        f'<td class="who">{escape(_who(report, link))}</td><td>{escape(each.model)}<br>'
        f'<span class="role">{_short(link.subject)}</span></td>'
        f"<td><ul>{''.join(told)}</ul></td></tr>\n"
    )


def _foot(report: AuditReport) -> Iterable[str]:
    seq, hash_ = report.head
    return (
        f"<footer><p>Made on {_minute(report.made_at)}, UTC, when the chain of the audit ended at "
        f"event {seq:,} with the hash <code>{escape(hash_)}</code>. `valor audit verify` proves "
        "an export of the chain against its signed heads.</p>\n"
        "<p>The same party that looks at a model again within a minute is counted once. Names are "
        "those of today.</p></footer>\n"
    )


def _who(report: AuditReport, link: Link) -> str:
    if link.actor is None:
        return "The system itself"
    name = report.names.get(link.actor)
    shown = name or f"Somebody {str(link.actor)[:8]}"
    by = {"OPERATOR": " (operator)", "SERVICE": " (by a key)"}
    return f"{shown}{by.get(link.actor_kind, '')}"


def _short(subject: str) -> str:
    return subject if len(subject) <= 12 else f"{subject[:8]}…"


def _day(at: datetime | None) -> str:
    return _minute(at)[:10]


def _minute(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
