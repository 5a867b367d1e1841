# SPDX-License-Identifier: Apache-2.0
"""pkexec with polkit's text agent: whom it asks, and what it runs."""
import json

from . import console, world
from .report import contains

# pkexec's own agent runs as root, the helper as the person: polkit 122 takes no answer of theirs ("No session for cookie"). So an
# agent of the person's is started beside it, as a desktop has one. The agent starts polkit-agent-helper-1, which is set-uid root:
# its real uid and control group are the agent's. It calls pam_authenticate and pam_acct_mgmt; pkexec itself then calls
# pam_open_session in the name of whom the person becomes, and nothing else.
WITH_AGENT = """#!/bin/sh
ready=$(mktemp -u)
mkfifo $ready
pkttyagent --process $$ --notify-fd 3 3>$ready &
cat $ready
rm $ready
"$@"
status=$?
kill $!
exit $status
"""


def set_up():
    world.write("/usr/local/bin/with-agent", WITH_AGENT, 0o755)


def administrators(*names):
    """Who has to prove himself for what pkexec runs, whoever calls it."""
    world.write("/etc/polkit-1/rules.d/10-box.rules", "polkit.addAdminRule(function(action, subject) { return %s; });\n" %
                json.dumps([f"unix-user:{name}" for name in names]))
    world.systemctl("restart", "polkit.service")


def answer(terminal, *typed):
    """The agent shows its question first, then drops what was typed and switches the echo off."""
    for prompt, line in typed:
        terminal.expect(prompt)
        terminal.child.waitnoecho()
        terminal.send(line)


def pkexec(terminal, command, *typed):
    """What is on the screen from the command to the next shell prompt."""
    begin = len(terminal.text)
    terminal.send(f"with-agent pkexec {command}; echo status=$?")
    answer(terminal, *typed)
    terminal.expect(console.SHELL_PROMPT)
    return terminal.text[begin:]


def runs(text, who="root"):
    """`id -un` was run as this one."""
    contains(text, f"\n{who}\n")
    contains(text, "status=0")


def refuses(text):
    contains(text, "Not authorized")
    contains(text, "status=127")
