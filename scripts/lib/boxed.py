# SPDX-License-Identifier: Apache-2.0
"""A program inside a box of its own with the product installed: what scripts/demo and scripts/bench have in common."""
import os
import subprocess
import sys
import tempfile


def run(source, tree, program, *words, seconds, options=(), variables=None):
    """The status of a Python program of the clone. tree: the build that is installed; options: of `box start`."""
    box = [str(source / "tests/system/box")]
    name = f"{program.stem}-{os.getpid()}"
    told = {"CARDMFA_BUILD": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": f"{source}/tests/system",
            **(variables or {})}
    with tempfile.TemporaryFile() as noise:
        if subprocess.run([*box, "start", "-i", str(tree), *options, "-r", str(source), name], stderr=noise,
                          check=False).returncode != 0:
            noise.seek(0)
            sys.stderr.write(noise.read().decode(errors="replace"))
            return 1
    try:
        return subprocess.run([*box, "run", "-t", str(seconds), *(f"-e{key}={value}" for key, value in told.items()), name,
                               "/usr/bin/python3", str(program), *words], stdin=subprocess.DEVNULL, check=False).returncode
    finally:
        subprocess.run([*box, "stop", name], check=False)
