"""No name of old comes back: each has the field's word now, or its file a place of its own."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("bench", "cli", "client", "config", "gateway", "standin", "storage", "sync", "titip")

NAMES = {
    ("cli", "config"): """
Arrangement Books Complaint Front MISTAKEN Mended Picture Plot Timekeeper Vault Voice
Workshop _Story opened_books opened_vault picture
""",
    ("client",): """
Abilities BarFace Carrier Case Crossing Disputed Face Fate Greeting Hopeless LineTrouble
Pace Persistence PlainFace Pulse Store Trouble Wire
""",
    ("gateway",): """
Body Crowd Door Draining GATE Gate Hold Intake Notice Taken Terms Wording bad bare
handed_out invite number one proved shown take verdict wait_for_invitation
""",
    ("standin",): """
Pouring Premises Questions Sink Weather
""",
    ("storage",): """
Means Pace Piece Stride Taken Tenure Way _RIPE delivery_of refuse_no_home row_of_delivery
row_of_upload stand_on step tick token_of upload_of
""",
    ("sync",): """
Acceptance Answered Bounded CheckedContent Done Doubt DriveDesk GoOn Gone Held Lane
LaneRules LaneWorld Line Lines Overdue Pace Passing RegistryLine Rhythm Sending Undecided
Verified Watch Wire _Leaving carry difference settled
""",
    ("titip",): """
Archive Arrival Census Claimed Closing Custodian Damaged Doorbell EAGER_OPENINGS Faltered
Final Ill Inspector Keeper Measured Moved Owed Parcel Partial Passage Postponed Recorded
Refused Requeued Room Spared Standing Standings Succeeded Turns UNBELIEVED Unavailable
Unknown Well places
""",
}
"""Classes, functions and constants, by the rooms that had them."""

_MODULES = """
bench.big bench.deliveries bench.disk bench.joining bench.pushing bench.small client.bars
client.body client.carrier client.crossing client.digest client.face client.greeting
client.hearing client.key client.location client.notes client.pace client.reasons
client.retry client.sender client.store client.surroundings client.verdict client.wire
client.wording config.check_connection config.check_finding config.check_gateway
config.check_machine config.check_mirror config.check_registry config.cli config.cli_backup
config.cli_check config.cli_demo config.cli_errors config.cli_finding config.cli_hold
config.cli_look config.cli_operate config.cli_options config.cli_push config.cli_read
config.cli_screen config.cli_scrub config.cli_serve config.cli_standin config.cli_status
config.cli_token config.cli_version config.demo config.demo_files config.demo_judge
config.demo_line config.demo_programs config.demo_stage config.demo_voice config.descriptors
config.destinations config.lanes config.listening config.logs config.outlet
config.own_places config.repairing config.running config.serve config.start config.stopping
config.syncing config.timekeeping gateway.answers gateway.appending gateway.asking
gateway.body gateway.checksum gateway.commands gateway.connection gateway.connections
gateway.creating gateway.crossing gateway.deps gateway.dialects gateway.digests
gateway.draft gateway.draft_answers gateway.drafting gateway.errors gateway.fetching
gateway.files gateway.forwarded gateway.framing gateway.gate gateway.inspecting
gateway.intake gateway.interim gateway.inviting gateway.joining gateway.locks
gateway.malformed gateway.notice gateway.operating gateway.pace gateway.plain gateway.probes
gateway.problems gateway.proving gateway.rationed gateway.secret gateway.slowness
gateway.space gateway.taking gateway.terminating gateway.trailers gateway.unfinished
gateway.verdicts gateway.views standin.control standin.drive_auth standin.drive_chunk
standin.drive_digests standin.drive_errors standin.drive_faults standin.drive_fields
standin.drive_files standin.drive_front standin.drive_item standin.drive_metadata
standin.drive_query standin.drive_range standin.drive_sessions standin.drive_store
standin.drive_switch standin.drive_upload standin.registry_answers standin.registry_body
standin.registry_intake standin.registry_modes standin.registry_questions
standin.registry_store standin.registry_switch standin.tally storage.backup_cut
storage.ballast storage.committing storage.connection storage.copying storage.damage
storage.deliveries storage.deposit storage.durable storage.extents storage.footing
storage.holds storage.inspection storage.joining storage.keeping storage.manifest
storage.migrate storage.opening storage.parts storage.restore storage.rows storage.seen
storage.snapshot storage.spool storage.standings storage.tenure storage.trouble
storage.uploads sync.acceptance sync.addresses sync.answer_body sync.attempt sync.bearer
sync.blocking sync.bound_origin sync.bounded sync.bounded_connector sync.brake_monitor
sync.carrying sync.checked sync.checkpoints sync.chunk_body sync.connection_policy
sync.contained sync.daemon sync.disk sync.doorbell sync.drive sync.drive_calls
sync.drive_checkpoint sync.drive_chunk sync.drive_credentials sync.drive_delivery
sync.drive_documents sync.drive_faults sync.drive_folders sync.drive_http sync.drive_options
sync.drive_sending sync.drive_session sync.folder sync.given sync.google sync.janitor
sync.json_pointer sync.lane sync.lane_rules sync.lease sync.leased sync.overdue sync.pace
sync.proof sync.reading sync.registry sync.registry_answer sync.registry_body
sync.registry_doubts sync.registry_faults sync.registry_headers sync.registry_line
sync.registry_lookup sync.registry_options sync.registry_sense sync.safe_names sync.scrubber
sync.secret_text sync.small_file sync.templates sync.tus_checkpoint sync.tus_delivery
sync.tus_hop sync.tus_reasons sync.tus_registry sync.tus_steps sync.verdicts sync.verified
sync.waste sync.watch sync.wire titip.brake titip.joining titip.order titip.origins
titip.overview titip.owing titip.suspicion
"""

_EVENTS = """
clock.hindered clock.was_away janitor.hindered journal.not_folded lane.bug lane.hindered
lane.started lane.stopped scrub.hindered spool.mended
"""

MODULES, EVENTS = _MODULES.split(), _EVENTS.split()

KEYS = ["passages"]
"""Keys of JSON."""

FIELDS = {"doubtful", "spared_until", "draw_salt", "salt_of"}
"""Fields and methods."""

SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__))
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]


@cache
def tree(path):
    return ast.parse(path.read_text("utf-8"))


def parsed(path):
    return ast.walk(tree(path))


def room_of(path):
    return path.relative_to(ROOT).parts[0]


def imported(node):
    if isinstance(node, ast.Import):
        return [one.name for one in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
    return []


def defined(node):
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return node.name
    return node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else ""


@pytest.mark.parametrize(("rooms", "old"), NAMES.items(), ids=str)
def test_no_room_defines_a_name_of_old(rooms, old):
    names = {one for one in old.split() if not one.islower()}
    sources = [path for path in SOURCES if room_of(path) in rooms]

    found = [(path, defined(node)) for path in sources for node in parsed(path)]

    assert [(str(path), name) for path, name in found if name in names] == []


@pytest.mark.parametrize(("rooms", "old"), NAMES.items(), ids=str)
def test_no_module_offers_a_function_of_old(rooms, old):
    names = {one for one in old.split() if one.islower()}
    sources = [path for path in SOURCES if room_of(path) in rooms]

    found = [(path, node) for path in sources for node in tree(path).body]

    assert [(str(path), defined(node)) for path, node in found if defined(node) in names] == []


def test_no_module_of_old_is_there_or_imported():
    paths = [ROOT / f"{one.replace('.', '/')}.py" for one in MODULES]
    imports = [
        one for path in (*SOURCES, *TESTS) for node in parsed(path) for one in imported(node)
    ]

    assert [str(path) for path in paths if path.exists()] == []
    assert set(imports) & set(MODULES) == set()


def test_no_event_and_no_key_of_old_is_written():
    texts = {
        node.value
        for path in (*SOURCES, *TESTS)
        for node in parsed(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert texts & {*EVENTS, *KEYS} == set()


def test_no_field_and_no_method_of_old_is_asked_for():
    asked = {
        node.attr if isinstance(node, ast.Attribute) else node.arg
        for path in (*SOURCES, *TESTS)
        for node in parsed(path)
        if isinstance(node, ast.Attribute | ast.keyword | ast.arg)
    }

    assert asked & FIELDS == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_speaks_of_what_is_no_more(page):
    text = page.read_text("utf-8")
    files = [f"{one.replace('.', '/')}.py" for one in MODULES]
    old = [*MODULES, *files, *EVENTS, *(f'"{key}"' for key in KEYS)]

    assert [one for one in old if re.search(rf"(?<![\w./]){re.escape(one)}(?![\w-])", text)] == []
