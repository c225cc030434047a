"""Make `.venv` and install one locked requirement set into it: `bootstrap.py run|test|dev`.

Runs under whatever Python the machine has, so it keeps to syntax that old ones can parse: a
Python that is too old must get a sentence, not a SyntaxError.
"""

import hashlib
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
MINIMUM = (3, 11)


def fail(sentence):
    """Print one clear sentence and stop."""
    sys.stderr.write(sentence + "\n")
    raise SystemExit(1)


def check_python(version=None):
    """Stop with a sentence unless this Python is new enough and can make a venv."""
    version = version or sys.version_info
    if tuple(version[:2]) < MINIMUM:
        fail(
            "ticketsite needs Python 3.11 or newer, and this is %d.%d: "
            "name a newer one, for example: make run PYTHON=python3.12" % tuple(version[:2])
        )
    try:
        import ensurepip  # noqa: F401  # Debian ships Python without it
        import venv  # noqa: F401
    except ImportError:
        fail(
            "This Python has no venv module: install it "
            "(on Debian and Ubuntu: apt-get install python3-venv) and try again."
        )


def fingerprint(level):
    """Name the lock file and interpreter, so that a change of either installs anew."""
    digest = hashlib.sha256(sys.version.encode())
    for name in ("bootstrap", level):
        with open(os.path.join(ROOT, "requirements", name + ".txt"), "rb") as lock:
            digest.update(lock.read())
    return digest.hexdigest()


def run(*command):
    """Run one installer command quietly; show what it said only if it failed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.stderr.write(done.stdout.decode(errors="replace"))
    return done.returncode == 0


def install(level):
    """Install the lock file with uv, or with pip where uv cannot reach the packages."""
    lock = os.path.join(ROOT, "requirements", level + ".txt")
    bootstrap = os.path.join(ROOT, "requirements", "bootstrap.txt")
    pip = (VENV_PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r")
    uv = (os.path.join(VENV, "bin", "uv"), "pip", "install", "--quiet", "--python", VENV_PYTHON)
    # uv is twenty times faster, but it does not read pip's configuration (a mirror, a proxy).
    if run(*pip, bootstrap) and run(*uv, "--require-hashes", "-r", lock):
        return
    if not run(*pip, lock):
        fail("The packages in requirements/%s.txt could not be installed: see above." % level)


def main(level):
    """Bring `.venv` to the wanted level; does nothing when it is there already."""
    check_python()
    stamp = os.path.join(VENV, "installed-" + level)
    wanted = fingerprint(level)
    if os.path.exists(stamp) and os.path.exists(VENV_PYTHON):
        with open(stamp) as found:
            if found.read() == wanted:
                return
    print("Installing what ticketsite needs into .venv (once) ...")
    sys.stdout.flush()
    if not os.path.exists(VENV_PYTHON) and not run(sys.executable, "-m", "venv", VENV):
        fail("The virtual environment .venv could not be made: see above.")
    install(level)
    with open(stamp, "w") as done:
        done.write(wanted)


if __name__ == "__main__":
    main(sys.argv[1])
