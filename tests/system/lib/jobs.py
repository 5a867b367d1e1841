# SPDX-License-Identifier: Apache-2.0
"""What runs for accounts when nobody is there: jobs of at, user managers."""
from . import world


def submit_at(name, command):
    """For as soon as atd runs."""
    world.run("setpriv", "--reuid", name, "--regid", name, "--init-groups", "env", "--chdir=/", f"LOGNAME={name}", f"USER={name}", "HOME=/", "at", "now",
              text=command + "\n")


def manager_starts(name):
    """Whether the account's user manager starts; it is ended again."""
    unit = f"user@{world.run('id', '-u', name).stdout.strip()}.service"
    world.systemctl("start", unit, status=None)
    started = world.systemctl("is-active", unit, status=None) == "active"
    world.systemctl("stop", unit, status=None)
    world.systemctl("reset-failed", unit, status=None)
    return started
