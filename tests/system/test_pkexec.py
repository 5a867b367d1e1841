#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""pkexec at the console and over ssh, with polkit's text agent: who is asked for what, where, and what is run."""
import json

from lib import console, daemon, polkit, report, sshd, stage, world
from lib.polkit import pkexec, refuses, runs
from lib.report import equal, lacks

CONF = """
[settings]
argon2-memory = 19MiB
argon2-time = 1

[class admin]
person = hanako
service = polkit-1
factors = card,totp card,password

[class helper]
service = polkit-1
factors = session,totp session,password

[default]
factors = card,totp card,password
attempts = 3
"""
STACK = "auth required pam_cardmfa.so\naccount required pam_cardmfa.so\nsession required pam_permit.so\n"
PIN = r"PIN of your IC card: $"
SECRET = r"erification code or password: $"
people = {}


def prepare():
    stage.set_up(CONF)
    world.write("/etc/pam.d/polkit-1", STACK)
    polkit.set_up()
    sshd.start()
    people["taro"] = sshd.person("taro")
    people["hanako"] = sshd.person("hanako", reader=1)
    for name, person in people.items():
        sshd.allow(name, person.line)


def last_login():
    row = [row for row in json.loads(stage.tool("log", "--json", "--last", "20", text="")) if row["type"] == "login"][-1]
    return row["user"], row["service"], row["origin"], row["result"], row["detail"].get("factors")


def uid(name):
    return world.run("id", "-u", name).stdout.strip()


@report.test(60)
def at_the_console_the_administrators_card_is_asked():
    hanako = people["hanako"]
    polkit.administrators("hanako")
    with sshd.at_console("hanako") as terminal:
        hanako.card.count_reset()
        refuses(pkexec(terminal, "id -un", (PIN, hanako.pin), (SECRET, "wrong-password")))
        equal(daemon.counted("hanako", f"uid:{uid('hanako')}"), 1)
        runs(pkexec(terminal, "id -un", (PIN, hanako.pin), (SECRET, hanako.code())))
        equal(last_login(), ("hanako", "polkit-1", f"uid:{uid('hanako')}", "OK", "card,totp"))
        equal((hanako.card.count("VERIFY"), daemon.counted("hanako", f"uid:{uid('hanako')}")), (2, 0))
        # Asked again each time. The card is out: a text says what to do.
        hanako.card.remove()
        terminal.send(f"with-agent pkexec --user taro id -un; echo status=$?")
        terminal.expect(r"Insert your IC card \(30 s\)\.")
        hanako.card.insert()
        polkit.answer(terminal, (PIN, hanako.pin), (SECRET, hanako.password))
        terminal.expect(console.SHELL_PROMPT)
        runs(terminal.text, "taro")


@report.test(60)
def at_anothers_place_the_administrator_shows_the_own_card():
    taro, hanako = people["taro"], people["hanako"]
    polkit.administrators("hanako")
    with sshd.at_console("taro") as terminal:
        taro.card.count_reset()
        refuses(pkexec(terminal, "id -un", (PIN, taro.pin), (SECRET, hanako.password)))
        equal(taro.card.count("VERIFY"), 0, "VERIFY")
        sshd.insert("hanako")
        runs(pkexec(terminal, "id -un", (PIN, hanako.pin), (SECRET, hanako.password)))
        equal(last_login(), ("hanako", "polkit-1", f"uid:{uid('taro')}", "OK", "card,password"))
        # What is proved is hanako's; the session is taro's still.
        equal(terminal.shell("id -un"), "taro")


@report.test(60)
def over_ssh_no_card_in_this_machine_is_asked():
    taro, hanako = people["taro"], people["hanako"]
    polkit.administrators("hanako")
    with sshd.over_ssh("hanako") as terminal:
        # The card with which hanako came is in this machine's reader too.
        hanako.card.count_reset()
        for secret in (hanako.password, hanako.code()):
            text = pkexec(terminal, "id -un", (SECRET, secret))
            refuses(text)
            lacks(text, "PIN")
        equal(hanako.card.count("VERIFY"), 0, "VERIFY")
    polkit.administrators("taro")
    with sshd.over_ssh("taro") as terminal:
        taro.card.count_reset()
        refuses(pkexec(terminal, "id -un", (SECRET, "wrong-password")))
        runs(pkexec(terminal, "id -un", (SECRET, taro.code())))
        equal(last_login(), ("taro", "polkit-1", f"uid:{uid('taro')}", "OK", "session,totp"))
        # A card that is suspended meanwhile has proved nothing; without it there is nothing to ask for.
        stage.tool("suspend", taro.card_id, text="", status=None)
        refuses(pkexec(terminal, "id -un"))
        stage.tool("resume", taro.card_id, text="")
        runs(pkexec(terminal, "id -un", (SECRET, taro.password)))
        equal(taro.card.count("VERIFY"), 0, "VERIFY")


@report.test(60)
def the_place_is_that_of_the_agent():
    """Who types the answer is judged by where he types it, wherever pkexec was called."""
    hanako = people["hanako"]
    polkit.administrators("hanako")
    with sshd.over_ssh("hanako") as far, sshd.at_console("hanako") as near:
        for agent, caller, asked in ((far, near, False), (near, far, True)):
            hanako.card.count_reset()
            shell = caller.shell("echo $$")
            agent.send(f"pkttyagent --process {shell}")
            world.wait_for(lambda shell=shell: f"unix-process:{shell}:" in world.journal_text("_COMM=polkitd"), what="the agent")
            caller.send("pkexec id -un; echo status=$?")
            polkit.answer(agent, *([(PIN, hanako.pin)] if asked else []), (SECRET, hanako.password))
            caller.expect(console.SHELL_PROMPT)
            (runs if asked else refuses)(caller.text)
            equal(hanako.card.count("VERIFY"), int(asked), "VERIFY")
            agent.interrupt()
            agent.expect(console.SHELL_PROMPT)


if __name__ == "__main__":
    report.main(prepare)
