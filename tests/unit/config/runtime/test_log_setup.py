"""What goes to the log when something unforeseen happens: where, and never with what."""

import structlog

from config.runtime import log_setup


def test_on_a_terminal_too_a_failure_is_logged_without_the_values_it_met(capsys):
    before = structlog.get_config()
    try:
        log_setup.set_up(json=False)
        token = "titip_abc_" + "s3cret"
        try:
            _fail({"Authorization": token})
        except KeyError:
            structlog.get_logger().exception("request.failed")
    finally:
        structlog.configure(**before)

    logged = capsys.readouterr().err
    assert "KeyError" in logged
    assert "s3cret" not in logged


def _fail(headers):
    raise KeyError(len(headers))
