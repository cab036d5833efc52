"""The command `holotype`, and `python -m holotype`, from its first moment on."""

from __future__ import annotations

import os
import signal

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def main() -> None:
    """Run the command. Ctrl-C while it is still being loaded ends it without a word."""
    usual = signal.default_int_handler
    heeded = signal.getsignal(signal.SIGINT) is usual  # not where a shell has it ignored
    if heeded:
        signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    from holotype.cli import main as run

    if heeded:
        signal.signal(signal.SIGINT, usual)
    run()


if __name__ == "__main__":
    main()
