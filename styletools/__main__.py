"""Paint from the command line: python -m styletools PICTURE STYLE -o OUT"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .command.checking import check_film, check_frames, check_out, check_run, check_settings, places_of
from .command.many import paint_many, wants_folder
from .command.painting import no_memory, paint_alone
from .command.parser import read_command
from .command.reading import is_run, job_of, network_of, reduced, run_of, task_of, task_of_run
from .command.styling import check_styles, used_by
from .errors import StyleError


def paint_one(options: argparse.Namespace) -> int:
    """Paint one picture into a file. Returns the exit status."""
    out = Path(options.out)
    if is_run(options):
        check_files(options, ())
        run = run_of(options)
        return paint_alone(task_of_run(run, out, options), run.vgg)
    job = job_of(options)
    check_settings(job)
    check_files(options, places_of(used_by(job)))
    check_styles(job)
    task = task_of(job, out, options)
    if words := reduced(job, options):
        print(f"styletools: {words}.", file=sys.stderr)
    return paint_alone(task, network_of(job, options.device))


def check_files(options: argparse.Namespace, places: Sequence[Path]) -> None:
    """Refuse, before any work is done, files that cannot be written, or must not be because something is painted from them.

    Raises SettingsError or ImageError.
    """
    check_out(Path(options.out), places, options.overwrite)
    if options.save_run:
        check_run(options.save_run, places, options.overwrite)
    if options.film:
        check_film(options.film, places, options.overwrite)
    if options.preserve_progress:
        check_frames(options.preserve_progress, places)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    0 when all went well, 1 when some of many pictures failed, 2 for anything else that went wrong, 130 after Ctrl-C, 143 after
    SIGTERM.
    """
    options = read_command(arguments)
    try:
        return paint_many(options) if not is_run(options) and wants_folder(options) else paint_one(options)
    except KeyboardInterrupt:
        print("styletools: interrupted; nothing was painted yet.", file=sys.stderr)
        return 130
    except (StyleError, ValueError, OSError) as error:
        print(f"styletools: {error}", file=sys.stderr)
    except (MemoryError, RuntimeError) as error:
        if not no_memory(error):
            raise
        print("styletools: there is not enough memory; nothing was painted yet; choose a smaller --size.", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
