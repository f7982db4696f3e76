class NotNow(Exception):
    """The mailing cannot do this now; the text says why and what to do."""


class Changed(Exception):
    """Somebody else saved this notice while it was being written."""


class NotSent(Exception):
    """The test message did not leave; the text says why."""
