"""What every test stands on: real servers, an empty broker, a real browser where a page is asked for."""

import os
import shutil
from urllib.parse import urlsplit

import django
import pytest
import redis
from django.db import connection

if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
    raise pytest.UsageError("DATABASE_URL and REDIS_URL are not set. Run `make test`: it brings both servers.")

# Every test empties the broker, so a database of its own: REDIS_URL may be a developer's.
os.environ["REDIS_URL"] = urlsplit(os.environ["REDIS_URL"])._replace(path="/15").geturl()
# Playwright's synchronous API runs an event loop in this thread; Django would refuse the database beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
# Here and not in pyproject.toml: pytest-django would read the settings before the sentence above is said.
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

pytest_plugins = ["tests.cast"]

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
NO_CHROMIUM = "no Chromium found: apt-get install chromium, or set CHROMIUM to its path"
BROWSER_FIXTURES = {"page", "context", "browser", "new_context"}


@pytest.fixture(scope="session")
def broker():
    """A client of the tests' Redis database."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        yield client


@pytest.fixture(autouse=True)
def _empty_broker(broker):
    broker.flushdb()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The test database, where TRUNCATE is allowed: live-server tests clean up with it.

    The test of such a trigger enables it in its own transaction: ALTER TABLE … ENABLE TRIGGER ….
    """
    on_truncate = """
        SELECT tgrelid::regclass::text, quote_ident(tgname) FROM pg_trigger WHERE NOT tgisinternal AND tgtype & 32 <> 0
    """
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(on_truncate)
        for table, trigger in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
    yield
    # A thread of a live server may hold its connection a little longer than its test.
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Debian's Chromium instead of a downloaded one; nothing that calls home. Root needs --no-sandbox."""
    return browser_type_launch_args | {
        "executable_path": CHROMIUM,
        "args": [
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ],
    }


def pytest_collection_modifyitems(items):
    in_browser = [item for item in items if BROWSER_FIXTURES & set(getattr(item, "fixturenames", ()))]
    if in_browser and not CHROMIUM and os.environ.get("CANDOR_REQUIRE_BROWSER") == "1":
        raise pytest.UsageError(f"CANDOR_REQUIRE_BROWSER=1, but {NO_CHROMIUM}.")
    for item in in_browser:
        item.add_marker(pytest.mark.browser)
        if not CHROMIUM:
            item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))


def pytest_terminal_summary(terminalreporter):
    skipped = [report for report in terminalreporter.stats.get("skipped", ()) if NO_CHROMIUM in str(report.longrepr)]
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} browser tests skipped, {NO_CHROMIUM}.")
