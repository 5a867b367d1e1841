# SPDX-License-Identifier: Apache-2.0
"""What a shell offers when Tab is pressed."""
import pathlib

from . import console, world

# What is handed to zsh's compadd goes into a file; ^G adds the line as it stands, and empties it.
ZSHRC = """
PROMPT='ready> '
autoload -Uz compinit && compinit -u -D
compadd() {
    local -a found
    builtin compadd -A found "$@"
    # With -O, -A or -D it fills a list for _describe; what is offered comes later.
    [[ ${@[1,(i)-(|-)]} == *-[OAD]* ]] || print -rl -- "${found[@]}" >>$OFFERED
    builtin compadd "$@"
}
report() {
    print -rn -- "$BUFFER" >$OFFERED.line
    BUFFER=
    zle -I
    print reported
}
zle -N report
bindkey -e '^I' complete-word '^G' report
"""


def bash(*words, user=None):
    """What bash offers behind these words, the last of them being typed."""
    script = ("source /usr/share/bash-completion/completions/cardtool; complete -p cardtool >/dev/null || exit 9; "
              'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { echo FILES; }; _cardtool; printf "%s\\n" "${COMPREPLY[@]}"')
    become = ("runuser", "-u", user, "--") if user else ()
    done = world.run(*become, "bash", "--norc", "-c", script, "bash", "cardtool", *words)
    if done.stderr:
        raise AssertionError(f"bash: {done.stderr}")
    return done.stdout.split("\n")[:-1]


class Zsh(console.Terminal):
    """A zsh at a terminal, with its completion as a user switches it on. Use as a context."""

    def __init__(self, user=None, env=None):
        self.offered = pathlib.Path("/tmp/zsh-offered")
        self.line = pathlib.Path("/tmp/zsh-offered.line")
        world.write("/tmp/zsh/.zshrc", ZSHRC)
        for path in (self.offered, self.line):
            world.write(path, "", 0o666)
        become = ("runuser", "-u", user, "--") if user else ()
        super().__init__(*become, "zsh", "-d", "-i", env={"ZDOTDIR": "/tmp/zsh", "OFFERED": str(self.offered), "TERM": "vt100", "LANG": "C.UTF-8",
                                                          "HISTFILE": "", **(env or {})})
        self.expect("ready> ")

    def tab(self, line):
        """Types the line and Tab: what is offered, in order of the alphabet, and what the line is then."""
        self.offered.write_text("", encoding="utf-8")
        self.child.send(f"{line}\t\x07")
        self.expect("reported\r\n")
        self.expect("ready> ")
        return sorted(set(self.offered.read_text(encoding="utf-8").split("\n")) - {""}), self.line.read_text(encoding="utf-8")
