"""Reports, from files alone. As a function, ``regab.report(…)``, it is that of ``regab.api``."""

from regab.called import may_be_called

may_be_called(__name__)
