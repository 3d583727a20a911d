"""The command line: `citechat index | ask | chat | eval | testset | articles | keys | users | doctor …`.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 user error, 2 failed gate, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from ..monitoring.masked_log import mask_logs
from . import access, commands, evaluate, testset
from .options import DONE, INTERRUPTED, USER_ERROR
from .output import print_message


class _OrderedGroup(click.Group):
    """A group whose help lists the commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.commands)


@click.group(
    cls=_OrderedGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
)
@click.version_option(package_name="citechat", message="%(package)s %(version)s")
def cli() -> None:
    """Ask questions about your articles. Every sentence of an answer links to its source.

    All data is stored in CITECHAT_HOME; `citechat doctor` shows the path.

    \b
    Examples:
      citechat index articles/                 index a folder
      citechat ask "Who founded the company?"  ask on the command line
      citechat chat                            ask in the browser
    """


for _command in (
    *(commands.index, commands.ask, commands.overview, commands.chat),
    *(evaluate.evaluate, testset.testset, commands.calibrate),
    *(commands.articles, commands.remove, commands.rebuild),
    *(access.keys, access.users, commands.doctor),
):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    mask_logs()
    try:
        # Not `cli.main()`, which uses different exit codes for broken pipes and interrupts.
        with cli.make_context("citechat", list(sys.argv[1:] if arguments is None else arguments)) as context:
            return cli.invoke(context) or DONE
    except click.exceptions.Exit as help_shown:
        return help_shown.exit_code
    except click.UsageError as error:
        error.show()
        return USER_ERROR
    except KeyboardInterrupt:
        print_message("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The program that reads the output has exited (`citechat ask … | head`); prevent an error message at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        from index import CitechatError  # imported here: it takes most of the time of `--help`

        if not isinstance(error, CitechatError):
            raise
        print_message(f"citechat: {error}")
        return USER_ERROR
