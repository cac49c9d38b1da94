"""What to train. As a function, ``regab.sweep(…)``, it is that of ``regab.api``."""

from regab.called import may_be_called

may_be_called(__name__)
