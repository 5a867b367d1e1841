# SPDX-License-Identifier: Apache-2.0
"""A display of a person's session: an X server without a screen, and what is typed at its keyboard."""
import pathlib

from Xlib import XK, X, display
from Xlib.ext import xtest

from . import console, world

# Where a private world has it, with its libraries; else it is the machine's own.
OPT = pathlib.Path("/opt/xvfb/usr")
SERVER = "Xvfb -nolisten tcp -screen 0 640x480x24 -extension GLX -displayfd 1"


class Display:
    """Runs in the session of this terminal's shell. Use as a context; .name is what DISPLAY must be, .folder one of the person's."""

    def __init__(self, terminal):
        self.folder = folder = pathlib.Path(terminal.shell("mktemp -d"))
        said = folder / "display"
        place = f"PATH={OPT}/bin:$PATH LD_LIBRARY_PATH={OPT}/lib/x86_64-linux-gnu " if OPT.exists() else ""
        terminal.shell(f"{place}{SERVER} >{said} 2>{folder}/errors & echo $! >{folder}/pid")
        world.wait_for(lambda: said.exists() and said.read_text().endswith("\n"), 30, "the display")
        self.name = f":{said.read_text().strip()}"
        self.pid = (folder / "pid").read_text().strip()
        self.keyboard = display.Display(self.name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.keyboard.close()
        world.run("kill", self.pid)

    def line(self, text):
        """Typed, with Return behind it."""
        for symbol in (*map(ord, text), XK.XK_Return):
            key = self.keyboard.keysym_to_keycode(symbol)
            xtest.fake_input(self.keyboard, X.KeyPress, key)
            xtest.fake_input(self.keyboard, X.KeyRelease, key)
        self.keyboard.sync()
