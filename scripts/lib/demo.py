#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""demo.py ja|en - the steps of scripts/demo, played inside its box. Each step is judged by what happened
(a shell, a session, the card's counters), not by words on the screen."""
import dataclasses
import json
import re
import shlex
import sys
import traceback

from lib import console, vcard, world

USER = "taro"
NAME = {"en": "Taro Yamada", "ja": "山田 太郎"}
SECTION = {"en": "Tax section", "ja": "税務課"}
PIN, WRONG_PIN = "483920", "483921"
PASSWORD = "quiet-Lantern-52-river"
CARD_OPTIONS = ("--pin", PIN, "--slot", "9A=p256,pin=once")

PIN_PROMPT = r"(?:PIN of your IC card|暗証番号)[^\n]*[:：] ?$"
CARD_PIN_PROMPT = r"(?:PIN of the card|暗証番号)[^\n]*[:：] ?$"
SECOND_PROMPT = r"(?:[Vv]erification code|ワンタイムパスワード|確認コード)[^\n]*[:：] ?$"
CODE_PROMPT = r"(?:code your app shows|コード|ワンタイムパスワード)[^\n]*[:：] ?$"
PASSWORD_PROMPT = r"(?:[Pp]assword|パスワード)[^\n]*[:：] ?$"
ENDINGS = (console.SHELL_PROMPT, r"Login incorrect", console.NAME_PROMPT)
AGAIN_PROMPT = r"(?:once more|もう一度)[^\n]*[:：] ?$"
CARD_ID = re.compile(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b")
SEED = re.compile(r"[?&]secret=([A-Z2-7]+)")

SAYINGS = {
    "en": {"right": "as it should be", "wrong": "NOT as it should be", "opened": "logged in", "refused": "refused",
           "doctor": "(The virtual reader and the clock that nobody sets are faults on a real machine; doctor must find them.)",
           "end": "All {} steps went as they should.", "bad": "This is not what should have happened:"},
    "ja": {"right": "期待どおり", "wrong": "期待と異なります", "opened": "ログインできました", "refused": "拒否されました",
           "doctor": "（仮想カードリーダーと、同期していない時計は、実際の端末では異常です。doctor が見つけるのが正しい結果です。）",
           "end": "{} 件の手順はすべて期待どおりでした。", "bad": "期待と異なる結果になりました。"},
}

steps = []


class Unexpected(Exception):
    """Something happened that a working cardmfa would not let happen."""


def step(english, japanese):
    def register(function):
        steps.append(({"en": english, "ja": japanese}, function))
        return function
    return register


@dataclasses.dataclass
class Play:
    language: str
    card: vcard.Card = None
    card_id: str = ""
    app: world.Authenticator = None

    def say(self, key):
        return SAYINGS[self.language][key]

    @property
    def environment(self):
        return {"TERM": "linux", "HOME": "/root", "LANG": "C.UTF-8", **({"LANGUAGE": "ja"} if self.language == "ja" else {})}

    def show(self, text):
        for line in text.strip("\n").splitlines():
            print(f"  │ {line.rstrip()}")
        sys.stdout.flush()

    def tool(self, *words, answers=(), statuses=(0,)):
        """cardtool on a terminal, as root types it; returns what was on the screen."""
        print(f"  # cardtool {shlex.join(words)}", flush=True)
        with console.Terminal("cardtool", *words, env=self.environment) as terminal:
            for prompt, typed, label in answers:
                terminal.expect(prompt)
                terminal.send(typed(terminal) if callable(typed) else typed, label)
            status = terminal.end()
            self.show(terminal.text)
        if status not in statuses:
            raise Unexpected(f"cardtool {words[0]}: status {status}")
        return terminal.text

    def login(self, wanted, *answers, before_answer=None):
        """One try at the console. wanted: whether it must open."""
        with console.Console(60) as screen:
            screen.name(USER)
            opened = None
            for number, (prompt, typed, label) in enumerate(answers):
                asked = screen.expect(prompt, *ENDINGS)
                if asked != 0:
                    opened = asked == 1
                    break
                if before_answer and number == 0:
                    before_answer()
                screen.send(typed, label)
            if opened is None:
                opened = screen.verdict()
            elif opened or wanted:
                self.show(screen.text)
                raise Unexpected("the login ended before all was asked")
            if opened:
                self.prove_session(screen)
                screen.logout()
            self.show(screen.text)
        verdict = self.say("right" if opened == wanted else "wrong")
        print(f"  → {self.say('opened' if opened else 'refused')}: {verdict}", flush=True)
        if opened != wanted:
            raise Unexpected(f"login {'opened' if opened else 'refused'}")

    def prove_session(self, screen):
        """The shell is the person's, in a session that logind knows."""
        if screen.shell("id -un").strip() != USER or "session-" not in screen.shell("grep ^0: /proc/self/cgroup"):
            raise Unexpected("a shell without the session of the person")

    def pin(self, value=PIN):
        return (PIN_PROMPT, value, "PIN")


@step("The machine: pcscd, a card in its reader, cardmfa in the console's PAM stack",
      "準備: pcscd、リーダーに挿したICカード、コンソールの PAM 設定")
def prepare(play):
    world.start_pcscd()
    play.card = vcard.Card(*CARD_OPTIONS)
    world.add_user(USER)
    world.login_stack()
    world.run("chpasswd", text="root:for the rescue boot\n")
    play.show(world.run("grep", "-v", "^$", "/etc/pam.d/login").stdout)


@step("Set up: system users, key file, store", "初期設定: システムユーザー、鍵ファイル、データベース")
def init(play):
    play.tool("init")
    settings = world.CONF.read_text()
    settings, changed = re.subn(r"(?m)^;\[settings\]$", f"[settings]\nlanguage = {play.language}", settings)
    if changed != 1:
        raise Unexpected(f"{world.CONF} has no section [settings] to set the language in")
    world.conf(settings)
    play.tool("config", "check")
    world.start_daemon()


@step("Health", "状態の確認")
def doctor(play):
    print(f"  {play.say('doctor')}")
    play.tool("doctor", statuses=(0, 1))


@step("A person", "利用者の登録")
def user(play):
    play.tool("user", "add", USER, "--staff-number", "10234", "--name", NAME[play.language],
              "--section", SECTION[play.language])


@step("The person's card", "ICカードの登録")
def enroll(play):
    text = play.tool("enroll", USER, "--label", "職員証 0123", answers=((CARD_PIN_PROMPT, PIN, "PIN"),))
    found = CARD_ID.search(text)
    if not found:
        raise Unexpected("enroll shows no card identifier")
    play.card_id = found[0]


@step("An authenticator app", "認証アプリの登録")
def totp(play):
    def first_code(terminal):
        found = SEED.search(terminal.text)
        if not found:
            raise Unexpected("totp enroll shows no otpauth text")
        play.app = world.Authenticator(found[1], early=0)
        return play.app.code()
    play.tool("totp", "enroll", USER, answers=((CODE_PROMPT, first_code, "code"),))


@step("A password", "パスワードの設定")
def password(play):
    play.tool("password", "set", USER, answers=((PASSWORD_PROMPT, PASSWORD, "password"), (AGAIN_PROMPT, PASSWORD, "password")))


@step("Login with card and code", "ICカードとワンタイムパスワードでログイン")
def login_code(play):
    play.login(True, play.pin(), (SECOND_PROMPT, play.app.code(), "code"))


@step("Login with card and password", "ICカードとパスワードでログイン")
def login_password(play):
    play.login(True, play.pin(), (SECOND_PROMPT, PASSWORD, "password"))


@step("The same code again", "同じワンタイムパスワードの再使用")
def replay(play):
    play.login(False, play.pin(), (SECOND_PROMPT, play.app.last(), "code"))


@step("A wrong PIN", "誤った暗証番号")
def wrong_pin(play):
    before = play.card.tries()
    play.login(False, play.pin(WRONG_PIN))
    if play.card.tries() != before - 1:
        raise Unexpected(f"the card had {before} tries, now {play.card.tries()}")
    play.login(True, play.pin(), (SECOND_PROMPT, PASSWORD, "password"))


@step("The card is pulled out during the login", "ログインの途中でICカードを抜く")
def pulled(play):
    play.login(False, play.pin(), before_answer=play.card.remove)
    play.card.insert()


@step("The card is reported lost: revoked", "ICカードの紛失届: 失効")
def revoke(play):
    play.tool("revoke", play.card_id, "--reason", "lost", "--reported-by", f"{SECTION[play.language]} 田中")


@step("The next login with it", "失効後のログイン")
def after_revoke(play):
    with console.Console(60) as screen:
        screen.name(USER)
        answers = {PIN_PROMPT: (PIN, "PIN"), SECOND_PROMPT: (PASSWORD, "password")}
        while (index := screen.expect(*ENDINGS, *answers)) >= len(ENDINGS):
            screen.send(*list(answers.values())[index - len(ENDINGS)])
        play.show(screen.text)
        if index == 0:
            raise Unexpected("a revoked card opened a session")
    print(f"  → {play.say('refused')}: {play.say('right')}", flush=True)


@step("The log", "記録")
def log(play):
    play.tool("log")
    events = json.loads(world.run("cardtool", "log", "--json", "--card", play.card_id).stdout)
    if [e["result"] for e in events if e["type"] in ("card-revoke", "login")][-2:] != ["OK", "REVOKED"]:
        raise Unexpected("the log does not show the revocation and the refused login after it")


def main():
    play = Play(sys.argv[1] if len(sys.argv) > 1 else "en")
    try:
        for number, (titles, action) in enumerate(steps, 1):
            print(f"\n━━ {number}. {titles[play.language]}", flush=True)
            action(play)
    except Exception as problem:
        if not isinstance(problem, (Unexpected, AssertionError)):
            traceback.print_exc()
        print(f"\n{play.say('bad')} {problem}", flush=True)
        print(world.journal_text("-n30"), flush=True)
        return 1
    finally:
        if play.card:
            play.card.stop()
    print(f"\n{play.say('end').format(len(steps))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
