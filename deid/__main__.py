"""The command ``deid``, also as ``python -m deid``: understands what is asked for, and has it done.

Nothing slow is imported before what is asked for is known to make sense.
"""

import contextlib
import sys

from deid import arguments as command_line
from deid import commands
from deid.photo.inputs import expanded
from deid.terminal import Console


def main(arguments: list[str] | None = None) -> int:
    """Run the command line -> exit code. A console that is gone, or cannot show a name, stops no photo."""
    given = sys.argv[1:] if arguments is None else arguments
    out, errors = Console(sys.stdout), Console(sys.stderr)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            return commands.run(*given) if given and given[0] in commands.COMMANDS else _main(given)
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
            return 130


def _main(arguments: list[str]) -> int:
    given = command_line.parse(arguments)
    try:
        options = command_line.options(given)
        if not given.store:
            expanded(given.inputs)
    except ValueError as error:
        print(f"deid: {error}", file=sys.stderr)
        return 2
    from deid import runs  # PyTorch and all that draws: seconds

    return runs.run(given, options)


if __name__ == "__main__":
    sys.exit(main())
