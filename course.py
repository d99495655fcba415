#!/usr/bin/env python3
"""Set up the course and run it: `python3 course.py lab` is all that a learner has to type.

It uses only the standard library, because it runs before anything is installed. It makes `.venv`
beside itself, installs the package there with the exact versions in constraints.txt (one
installation for every command, tests included), and starts the program that the command names.
`python3 course.py --help` lists the commands.
"""

import os
import sys

if __name__ == "__main__":
    # PYTHONINSPECT would end in a prompt, and PYTHONOPTIMIZE takes away the texts of --help
    if os.name != "nt" and (sys.flags.inspect or sys.flags.optimize):
        os.execv(sys.executable, [sys.executable, "-I", *sys.argv])
    # modules in the user's PYTHONPATH must not stand for Python's own, which are imported below
    if os.environ.get("PYTHONPATH"):
        theirs = [os.path.abspath(entry) for entry in os.environ["PYTHONPATH"].split(os.pathsep)]
        sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) not in theirs]

import argparse
import ast
import errno
import hashlib
import importlib.util
import json
import platform
import re
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

# Everything up to here must parse and run on an old Python, so that it can print this message.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "course.py: the course needs Python 3.11 to 3.14 and this is"
        f" {sys.version_info[0]}.{sys.version_info[1]}: install one from python.org or your package"
        " manager, then start e.g. 'python3.11 course.py lab'"
    )

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
INSTALL_VERSION = (
    2  # increase it when the installation steps below change: every .venv is then updated
)
PYTHONS = ((3, 11), (3, 14))  # the oldest and the newest that the pinned torch has a wheel for
WHEELS = ("linux x86_64", "linux aarch64", "darwin arm64", "win32 amd64")  # the machines
GLIBC, MACOS = (2, 28), 14  # the oldest that its wheels take
INSTALLED_FROM = (
    "constraints.txt",
    "pyproject.toml",
    "requirements.lock",
    "requirements-cuda.lock",
)
REPOSITORY = "noise-to-shape/noise-to-shape"
COLAB = (
    f"https://colab.research.google.com/github/{REPOSITORY}/blob/main/notebooks/00_start_here.ipynb"
)
BINDER = f"https://mybinder.org/v2/gh/{REPOSITORY}/main"
GIGABYTE = 1e9
STAGES = ("lint", "unit", "notebooks", "browser")
NETWORK_TROUBLE = re.compile(
    r"NewConnectionError|NameResolutionError|name resolution|getaddrinfo failed|Network is"
    r" unreachable|"
    r"Connect(ion)?Timeout|ReadTimeout|Read timed out|Connection"
    r" (refused|reset|aborted)|ProxyError|SSLError|"
    r"Max retries exceeded"
)
OTHER_FILE = re.compile(r"DO NOT MATCH THE HASHES.*?\n\s+(\S+)(?: from |:)", re.DOTALL)
SPACE_TROUBLE = re.compile(r"No space left on device|\[Errno 28\]|There is not enough space")


class CourseError(Exception):
    """One line that tells the user what went wrong and what to do."""


class NetworkError(CourseError):
    """pip could not reach its package index; the environment has not changed."""


class Terminated(KeyboardInterrupt):
    """SIGTERM: stop as with Ctrl-C, except that the child has not received the signal."""


class Parser(argparse.ArgumentParser):
    """An argument parser that reports an error in one line, with exit code 2."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (see '{self.prog} --help')\n")


# ---- The environment: whether it exists and is current, and how it is made -----------------------


def venv_python() -> Path:
    """Return the path of the environment's interpreter."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def stamp_file() -> Path:
    return VENV / "course.json"


def marker_file() -> Path:
    """Return the path of a file that exists while an installation runs or if it was killed."""
    return VENV / "course.installing"


def fingerprint() -> str:
    """Return a hash of everything that determines the environment; a new hash means installing."""
    digest = hashlib.sha256()
    for name in INSTALLED_FROM:
        file = ROOT / name
        if not file.is_file():
            raise CourseError(f"{file} is missing: fetch the course again, this copy is incomplete")
        digest.update(file.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    digest.update(
        f"python {sys.version_info[0]}.{sys.version_info[1]} course {INSTALL_VERSION}".encode()
    )
    return digest.hexdigest()


def read_stamp() -> dict:
    """Return what the last completed installation wrote, or {}."""
    try:
        stamp = json.loads(stamp_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp() -> None:
    content = {"fingerprint": fingerprint(), "root": str(ROOT)}
    stamp_file().write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def is_current() -> bool:
    """Return whether the environment was fully installed here, from the files as they are now."""
    installed = {"fingerprint": fingerprint(), "root": str(ROOT)} == read_stamp()
    return installed and os.path.exists(venv_python()) and not marker_file().exists()


def reason_to_rebuild() -> str:
    """Return why the environment must be made from scratch, or "" if pip can update it."""
    config = VENV / "pyvenv.cfg"
    if marker_file().exists():
        return "the last installation did not finish"
    if not config.is_file():
        return "first start"
    if not os.path.exists(venv_python()):
        return "the Python it was made with is gone"
    version = re.search(
        r"^version\S*\s*=\s*(\d+\.\d+)", config.read_text(encoding="utf-8"), re.MULTILINE
    )
    wanted = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if not version or version[1] != wanted:
        return f"it was not made for Python {wanted}"
    if read_stamp().get("root", str(ROOT)) != str(ROOT):
        return "the folder has moved"
    return ""


def why_not_current() -> str:
    """Return the reason for an installation, to show to the user."""
    unfinished = "" if read_stamp() else "it is incomplete"
    return reason_to_rebuild() or unfinished or "something has changed since the last start"


def try_lock(handle) -> bool:
    """Lock an open file unless another process holds the lock.

    The operating system releases the lock when its holder dies.
    """
    try:
        if os.name == "nt":
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            return False
        raise
    return True


@contextmanager
def install_lock():
    """Let one process at a time install into the environment; a second one says so and waits."""
    VENV.mkdir(exist_ok=True)
    with open(VENV / "course.lock", "a+b") as handle:
        announced = False
        while not try_lock(handle):
            if not announced:
                print(
                    "Another course.py is installing into .venv: waiting for it to finish ...",
                    flush=True,
                )
                announced = True
            time.sleep(0.5)
        # pip inherits the lock: if only course.py is killed, the next one still waits for pip.
        os.set_inheritable(handle.fileno(), True)
        yield


def ensure_environment() -> Path:
    """Install what is missing, if anything, and return the environment's interpreter."""
    if not is_current():
        with install_lock():
            if not is_current():
                install()
    return venv_python()


def install() -> None:
    """Make or update the environment; the marker remains unless the environment is in order."""
    reason = reason_to_rebuild()
    gpu = nvidia_gpu()
    check_can_install(reason, gpu)
    print(f"Setting up .venv ({why_not_current()}); pip's log is .venv/install.log", flush=True)
    marker_file().touch()
    stamp_file().unlink(missing_ok=True)
    if reason:
        empty_environment()
    (VENV / "install.log").write_bytes(b"")
    try:
        if reason:
            # The base interpreter: course.py may itself have been started by the Python in .venv.
            base = getattr(sys, "_base_executable", sys.executable)
            logged_step("1/3 a new Python environment", [base, "-m", "venv", str(VENV)])
        torch = install_torch(gpu)
        if sys.platform == "linux" and torch == [f"torch=={pinned('torch')}"]:
            pip_install("      CUDA, which this torch wants", locked("requirements-cuda.lock"))
        pip_install("3/3 JupyterLab and the course's tools", locked("requirements.lock"))
    except NetworkError:
        # pip downloads everything before it changes anything. Without a pyvenv.cfg the next start
        # makes a new environment in any case.
        marker_file().unlink()
        raise
    point_to_the_course()
    quieten_jupyterlab()
    write_stamp()
    marker_file().unlink()


def empty_environment() -> None:
    """Delete what an earlier environment left behind, except the lock, which is held."""
    for child in VENV.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        elif child.name not in ("course.lock", "course.installing"):
            child.unlink()


def point_to_the_course() -> None:
    """Let the environment import course_utils from this folder.

    Nothing is built for it: setuptools takes a `$x` or `{x}` in the folder's name for a variable,
    and pip would fetch a setuptools that nothing pins. As code, in ASCII, the line holds any name.
    """
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(VENV)}))
    packages.mkdir(parents=True, exist_ok=True)
    line = f"import sys; sys.path.append({str(ROOT)!a})\n"
    (packages / "noise_to_shape.pth").write_text(line, encoding="ascii")


def quieten_jupyterlab() -> None:
    """Stop JupyterLab from fetching news and from covering the lesson with a question about it."""
    settings = VENV / "share/jupyter/lab/settings/overrides.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    settings.write_text(
        json.dumps({"@jupyterlab/apputils-extension:notification": quiet}), encoding="utf-8"
    )


# ---- Requirements of an installation -------------------------------------------------------------


def has_venv_module() -> bool:
    """Return whether venv works: Debian and Ubuntu need the package python3-venv for it."""
    return all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip"))


VENV_REMEDY = (
    "install it (Debian, Ubuntu: 'sudo apt install python3-venv') or start course.py with a Python"
    " from python.org"
)


def free_gigabytes() -> float:
    return shutil.disk_usage(ROOT).free / GIGABYTE


def needed_gigabytes(gpu: str) -> int:
    """Return the disk space for a new environment in GB, pip's downloads included.

    On Linux an environment with torch's CPU build was measured at 2 GB.
    """
    return 9 if gpu and sys.platform != "darwin" else 3


def check_can_install(reason: str, gpu: str) -> None:
    """Raise CourseError, before anything changes, if the installation cannot succeed."""
    obstacle = no_torch_here()
    if obstacle:
        raise CourseError(obstacle)
    if not reason:
        return
    if VENV.is_symlink():  # it belongs to another folder and would be emptied
        raise CourseError(
            f".venv is a link to {os.path.realpath(VENV)}: delete the link, each folder needs its"
            " own .venv"
        )
    if os.pathsep in str(ROOT):
        raise CourseError(
            f"the folder {ROOT} has a {os.pathsep!r} in its name, which separates folders in PATH:"
            " rename it"
        )
    if not has_venv_module():
        raise CourseError(f"this Python has no venv module: {VENV_REMEDY}")
    needed, free = needed_gigabytes(gpu), free_gigabytes()
    if free < needed:
        raise CourseError(
            f"too little disk space: installing needs about {needed} GB and {free:.1f} GB are free"
            f" on the disk of {ROOT}: free some space or move the folder to another disk"
        )


def no_torch_here() -> str:
    """Return why the pinned torch has no wheel here, and what to do instead; or ""."""
    oldest, newest = ("{}.{}".format(*version) for version in PYTHONS)
    version = "{}.{}".format(*sys.version_info)
    system, machine = sys.platform, platform.machine().lower()
    name, another = f"{system} {machine}", f"a 64-bit CPython {oldest} to {newest} from python.org"
    if system == "win32":  # the interpreter's own: Windows on ARM runs both kinds
        name = f"{system} {sysconfig.get_platform().removeprefix('win-')}"
    if sys.implementation.name != "cpython":
        what, remedy = f"{platform.python_implementation()}", f"install {another}"
    elif system in ("cygwin", "msys") or "mingw" in sysconfig.get_platform():
        what, remedy = "the Python of Cygwin or MSYS2", f"install {another}"
    elif not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        what, remedy = f"Python {version}", another_python()
    elif sysconfig.get_config_var("Py_GIL_DISABLED"):
        what, remedy = f"the free-threaded Python {version}", "start course.py with the usual one"
    elif sys.maxsize < 2**32:
        what, remedy = "a 32-bit Python", f"install {another}, if the system has 64 bits"
    elif system == "darwin" and machine == "x86_64" and "ARM64" in platform.version():
        what, remedy = "an Intel Python on Apple silicon", f"install {another}"
    elif name not in WHEELS:
        names = {"darwin x86_64": "Intel Macs", "win32 arm64": "Windows on ARM"}
        what, remedy = names.get(name, name), ""
    else:
        what, remedy = old_system(), ""
    if not what:
        return ""
    elsewhere = f"open the lessons in the browser, in Colab ({COLAB}) or Binder ({BINDER})"
    instead = f"{remedy}; or {elsewhere}" if remedy else elsewhere
    return f"torch {pinned('torch')}, which the course needs, has no build for {what}: {instead}"


def another_python() -> str:
    """Return how to start course.py with a Python that torch has a wheel for."""
    versions = [f"3.{minor}" for minor in range(PYTHONS[1][1], PYTHONS[0][1] - 1, -1)]
    found = [version for version in versions if shutil.which(f"python{version}")]
    if found:
        return f"start 'python{found[0]} course.py lab', which this computer has"
    starts = f"py -{versions[0]}" if os.name == "nt" else f"python{versions[0]}"
    return f"install Python {versions[0]} beside it and start '{starts} course.py lab'"


def old_system() -> str:
    """Return the name of a system that is older than torch's wheels take, or of one with musl."""
    if sys.platform == "darwin":
        version = platform.mac_ver()[0]
        # an old Python is told 10.16, whatever it runs on
        old = version and version != "10.16" and int(version.split(".")[0]) < MACOS
        return f"macOS {version} (it needs {MACOS} or newer)" if old else ""
    if sys.platform != "linux":
        return ""
    try:
        library, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):
        library, version = "", ""
    if library != "glibc":
        return "a Linux without glibc, such as Alpine"
    if tuple(map(int, version.split(".")[:2])) < GLIBC:
        return f"glibc {version} (it needs {GLIBC[0]}.{GLIBC[1]} or newer)"
    return ""


def nvidia_smi() -> str | None:
    """Return the path of the NVIDIA driver's command, or None without a driver."""
    return shutil.which("nvidia-smi")


def nvidia_gpu() -> str:
    """Return the first NVIDIA GPU that the driver reports, or "" if it reports none."""
    program = nvidia_smi()
    if program is None:
        return ""
    try:
        answer = subprocess.run(
            [program, "-L"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = answer.stdout.strip().splitlines()
    return lines[0] if answer.returncode == 0 and lines else ""


def pinned(package: str) -> str:
    """Return the version of a package in constraints.txt."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    match = re.search(rf"^{re.escape(package)}==(\S+)", text, re.MULTILINE | re.IGNORECASE)
    if not match:
        raise CourseError(f"constraints.txt has no line '{package}==...': fetch the course again")
    return match[1]


def reachable(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=3) as answer:
            return answer.status == 200
    except (OSError, ValueError):
        return False


# ---- pip -----------------------------------------------------------------------------------------


def torch_attempts(gpu: str) -> list[list[str]]:
    """Return pip's arguments for torch, in order of preference.

    Without a GPU the CPU build comes first. With a GPU, and on macOS, it is the standard wheel:
    built with CUDA on Linux, for the CPU (and mps) elsewhere.
    """
    version = pinned("torch")
    if gpu or sys.platform == "darwin":
        return [[f"torch=={version}"]]
    if reachable(f"{CPU_INDEX}/torch/"):
        return [["--index-url", CPU_INDEX, f"torch=={version}"]]
    return [[f"torch=={version}+cpu"], [f"torch=={version}"]]


def locked(name: str) -> list[str]:
    """Return pip's arguments for the packages of a lock: these files or none, nothing is built."""
    return ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", name]


def install_torch(gpu: str) -> list[str]:
    """Install torch by itself and first: PyTorch's index lacks the other pinned versions.

    It has no hash in a lock, because its files differ between the indexes. What its CUDA build
    wants has. Returns the arguments that pip took.
    """
    attempts = torch_attempts(gpu)
    for number, arguments in enumerate(attempts, 1):
        try:
            pip_install(f"2/3 {arguments[-1]}", ["--no-deps", *arguments])
            return arguments
        except NetworkError:
            raise
        except CourseError:
            if number == len(attempts):
                raise
            print("      not available here, trying the next best", flush=True)


def pip_install(title: str, arguments: list[str]) -> None:
    """Run the environment's pip and write its output to the log."""
    command = [
        str(venv_python()),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
    ]
    logged_step(title, [*command, "--retries", "3", "--progress-bar", "off", *arguments])


def logged_step(title: str, command: list[str]) -> None:
    """Run one installation step, with its output in the log and its duration on the screen."""
    log = VENV / "install.log"
    before = log.stat().st_size
    started = time.monotonic()
    live = sys.stdout.isatty()
    print(f"  {title} ...", end="", flush=True)
    with open(log, "ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=install_environment(command[0]),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            close_fds=False,
        )
        try:
            while process.poll() is None:
                try:
                    process.wait(timeout=1)
                except subprocess.TimeoutExpired:
                    if live:
                        print(
                            f"\r  {title} ... {time.monotonic() - started:.0f} s",
                            end="",
                            flush=True,
                        )
        except KeyboardInterrupt:
            end_process(process)
            raise
    print(
        f"\r  {title} ... {time.monotonic() - started:.0f} s"
        if live
        else f" {time.monotonic() - started:.0f} s"
    )
    if process.returncode:
        with open(log, "rb") as output:
            output.seek(before)
            raise explain_failure(
                title, process.returncode, output.read().decode("utf-8", "replace")
            )


def explain_failure(title: str, code: int, output: str) -> CourseError:
    """Turn the output of a failed step into one line that tells the user what to do."""
    if SPACE_TROUBLE.search(output):
        return CourseError(
            f"a disk ran full while installing: free about 3 GB on that of {ROOT} and 1 GB on that"
            f" of {tempfile.gettempdir()} (TMPDIR names another folder), and start again"
        )
    if NETWORK_TROUBLE.search(output):
        return NetworkError(
            "pip cannot reach its package index: check the network connection (or the proxy"
            " settings) and start again; details in .venv/install.log"
        )
    other = OTHER_FILE.search(output)
    if other:
        return CourseError(
            f"{other[1]} is not the file that the course was tested with (its SHA-256 differs):"
            " fetch the course again, and if that does not help, ask who runs your package index or"
            " proxy; details in .venv/install.log"
        )
    for line in output.strip().splitlines()[-8:]:
        print(f"    | {line}", file=sys.stderr)
    return CourseError(
        f"step '{title}' failed with exit code {code}: the lines above and .venv/install.log give"
        " the reason; fix it and start again"
    )


# ---- Running programs in the environment ---------------------------------------------------------


# What an installation sees of the user's environment. Anything else may redirect it: PIP_TARGET,
# PIP_USER, PYTHONPATH, CONDA_PREFIX ... Names are compared in capitals: Windows knows no others.
KEPT = re.compile(
    r"PATH|HOME|USER|LOGNAME|USERNAME|USERPROFILE|HOMEDRIVE|HOMEPATH|(LOCAL)?APPDATA|PROGRAM\w+.*|"
    r"COMMONPROGRAM.*|ALLUSERSPROFILE|SYSTEM(ROOT|DRIVE)|WINDIR|COMSPEC|PATHEXT|OS|PROCESSOR_\w+|"
    r"NUMBER_OF_PROCESSORS|TEMP|TMP|TMPDIR|LANG|LANGUAGE|LC_\w+|TERM|TZ|XDG_\w+|LD_LIBRARY_PATH|"
    r"(HTTPS?|ALL|NO|FTP)_PROXY|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NETRC"
)
# How pip reaches its index, in variables (PIP_...) and in its configuration files.
REACHING = re.compile(
    r"(EXTRA_)?INDEX_URL|PYPI_URL|NO_INDEX|FIND_LINKS|TRUSTED_HOST|CERT|CLIENT_CERT|PROXY|"
    r"(DEFAULT_)?TIMEOUT|(NO_)?CACHE_DIR|KEYRING_PROVIDER"
)
# What a program in the environment does not get: it would find other modules than the pinned ones,
# another kernel, or other settings than the lessons were made with. The rest is the user's affair.
LEFT_OUT = re.compile(
    r"PYTHON(?!(UNBUFFERED|UTF8|IOENCODING|DONTWRITEBYTECODE)$)\w*|__PYVENV_LAUNCHER__|VIRTUAL_ENV.*|"
    r"_?CONDA\w*|_CE_\w+|MAMBA_\w+|JUPYTER\w*|IPYTHON\w*|MPLBACKEND|MATPLOTLIBRC|"
    r"PLOTLY_RENDERER|PYTEST_(ADDOPTS|PLUGINS|DISABLE_PLUGIN_AUTOLOAD)|"
    r"GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX)|NPM_CONFIG_(GLOBAL|LOCATION|PREFIX|DRY_RUN)"
)


def reaches_index(name: str) -> bool:
    """Return whether an environment variable tells pip how to reach its package index."""
    return name.startswith("PIP_") and bool(REACHING.fullmatch(name[4:]))


def install_environment(python: str) -> dict[str, str]:
    """Return the environment variables of an installation step.

    pip reads no configuration file there: how to reach the index is taken out of them, what else
    they say (`user = true`, `target = ...`) is for other installations.
    """
    variables = {
        name: value
        for name, value in os.environ.items()
        if KEPT.fullmatch(name.upper()) or reaches_index(name.upper())
    }
    for name, value in pip_settings(python, variables).items():
        variables.setdefault(name, value)
    variables["PATH"] = os.pathsep.join([str(venv_python().parent), variables.get("PATH", "")])
    return variables | {"PIP_CONFIG_FILE": os.devnull}


def pip_settings(python: str, variables: dict[str, str]) -> dict[str, str]:
    """Return what pip's configuration files say of its index, as variables; {} without pip.

    Args:
        python: The interpreter whose pip is asked.
        variables: Its environment variables.
    """
    # `pip config` obeys the files too: `user = true` would show it one of them only
    variables = variables | {"PIP_USER": "0", "PIP_QUIET": "0"}
    if "PIP_CONFIG_FILE" in os.environ:
        variables["PIP_CONFIG_FILE"] = os.environ["PIP_CONFIG_FILE"]
    answer = subprocess.run(
        [python, "-P", "-m", "pip", "config", "list"],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    # without pip, or with a broken one beside the user's Python, there is nothing to read
    if answer.returncode and not re.search(r"Traceback|No module named pip", answer.stderr):
        why = " ".join((answer.stderr or answer.stdout).strip().splitlines()[-2:])
        raise CourseError(f"pip cannot read its configuration, correct it and start again: {why}")
    found = {}
    # what stands under [install] comes last in the list and has precedence, as in pip
    for key, value in re.findall(
        r"^(?:global|install)\.([\w-]+)=(.+)$", answer.stdout, re.MULTILINE
    ):
        name = f"PIP_{key.upper().replace('-', '_')}"
        if reaches_index(name):
            found[name] = str(ast.literal_eval(value))
    return found


def child_environment() -> dict[str, str]:
    """Return the environment variables of every program that course.py starts."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if reaches_index(name.upper())
        or not (name.upper().startswith("PIP_") or LEFT_OUT.fullmatch(name.upper()))
    }
    variables["VIRTUAL_ENV"] = str(VENV)
    # Torch's threads wait for each other in a loop. When another program uses the same cores (a
    # browser that draws, a second kernel), each wait costs a time slice: a training step of 0.08 s
    # took 5.7 s. With this setting they sleep after a number of rounds: 0.34 s beside the other
    # program, and as fast as before without it.
    variables.setdefault("GOMP_SPINCOUNT", "10000")
    variables["PATH"] = os.pathsep.join([str(venv_python().parent), variables.get("PATH", "")])
    return variables


def end_process(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run_child(command: list[str], **variables: str) -> int:
    """Run a program in the course's folder and return its exit code; it handles Ctrl-C itself.

    In a terminal the program also receives the Ctrl-C (JupyterLab asks whether to stop), so this
    function waits for it. Without a terminal nobody else stops the program, so this function does.
    """
    interrupted = False
    process = subprocess.Popen(command, cwd=ROOT, env={**child_environment(), **variables})
    while True:
        try:
            code = process.wait()
            break
        except KeyboardInterrupt as stop:
            interrupted = True
            if isinstance(stop, Terminated) or sys.stdin is None or not sys.stdin.isatty():
                end_process(process)
    if interrupted and code:
        raise KeyboardInterrupt
    return code


def delegate(target: list[str], description: str, arguments: list[str], name: str = "") -> int:
    """Pass all arguments to another program, or print brief help if it is not installed yet."""
    if not is_current() and {"-h", "--help"} & set(arguments):
        print(
            f"usage: course.py {name or target[-1]} ...\n\n{description}\n\nThis help will list its"
            " options once the environment is installed; 'course.py lab' installs it."
        )
        return 0
    return run_child([str(ensure_environment()), *target, *arguments])


# ---- Commands ------------------------------------------------------------------------------------


def command_lab(arguments: list[str]) -> int:
    """open JupyterLab on the first lesson, on this computer only"""
    parser = Parser(
        prog="course.py lab",
        description=(
            "Open JupyterLab on the first lesson. It listens on localhost only and requires its"
            " token."
        ),
        epilog="JupyterLab's own settings (--Class.name=value) are passed on.",
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address instead of opening a browser"
    )
    parser.add_argument(
        "--port",
        type=int,
        default=8888,
        help="port to listen on (default 8888, or the next free one)",
    )
    options, rest = parser.parse_known_args(arguments)
    for argument in rest:
        if not re.fullmatch(r"--[A-Z]\w*(\.\w+)+=.*", argument):
            parser.error(f"unrecognized argument: {argument}")
    if not 0 < options.port < 65536:
        parser.error(f"argument --port: expected 1 to 65535, got {options.port}")
    lessons = sorted((ROOT / "notebooks").glob("00*.ipynb"))
    if not lessons:
        raise CourseError(f"no lesson 00*.ipynb in {ROOT / 'notebooks'}: fetch the course again")
    home = Path(os.path.expanduser("~"))
    if not (home / ".jupyter").is_dir() and not os.access(home, os.W_OK):
        raise CourseError(
            f"JupyterLab keeps its files in your home folder, and {home} cannot be written: set"
            " HOME to a folder of your own"
        )
    command = [
        str(ensure_environment()),
        "-m",
        "jupyterlab",
        "--ip=localhost",
        f"--port={options.port}",
        f"--ServerApp.root_dir={ROOT}",
        f"--LabApp.default_url=/lab/tree/notebooks/{lessons[0].name}",
    ]
    if options.no_browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # in a container the user is root; the token still protects the server
        command.append("--allow-root")
    return run_child([*command, *rest])


def find_chromium() -> str:
    """Return the path of a Chromium or Chrome for the browser tests, or ""."""
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
        if not found:
            raise CourseError(
                f"the variable CHROMIUM is {named!r}, which is not a program: correct or unset it"
            )
        return found
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"):
        found = shutil.which(name)
        if found:
            return found
    home = Path.home()
    variables = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")  # Windows
    programs = [Path(os.environ[name]) for name in variables if name in os.environ]
    usual = [
        *(
            folder / "Applications" / f"{app}.app" / "Contents" / "MacOS" / app
            for folder in (Path("/"), home)
            for app in ("Google Chrome", "Chromium")
        ),
        *(folder / "Google" / "Chrome" / "Application" / "chrome.exe" for folder in programs),
    ]
    stores = [
        os.environ.get("PLAYWRIGHT_BROWSERS_PATH"),
        home / ".cache" / "ms-playwright",
        home / "Library" / "Caches" / "ms-playwright",
        *(folder / "ms-playwright" for folder in programs),
    ]
    for store in filter(None, stores):
        for pattern in (
            "chrome-linux*/chrome",
            "chrome-mac*/*.app/Contents/MacOS/*",
            "chrome-win*/chrome.exe",
        ):
            usual += sorted(Path(store).glob(f"chromium-*/{pattern}"))
    return next((str(path) for path in usual if path.is_file()), "")


def stage_commands(stage: str, python: Path) -> list[list[str]]:
    """Return the programs that check one stage of `course.py test`."""
    pytest = [str(python), "-m", "pytest"]
    repository = "tests/course/test_repository.py"
    if stage == "lint":
        ruff = [str(python), "-m", "ruff"]
        import_linter = "from importlinter.cli import lint_imports_command as lint; lint()"
        return [
            [*ruff, "check", "."],
            [*ruff, "format", "--check", "."],
            [str(python), "-c", import_linter],
            [*pytest, "-q", repository],
        ]
    if stage == "unit":
        elsewhere = (repository, "tests/notebooks", "tests/browser")
        return [[*pytest, "tests", *(f"--ignore={path}" for path in elsewhere)]]
    if stage == "browser":
        return [[*pytest, "tests/browser"]]
    lessons = sorted(
        path.relative_to(ROOT).as_posix() for path in (ROOT / "notebooks").glob("*.ipynb")
    )
    if not lessons:
        raise CourseError(f"no lesson *.ipynb in {ROOT / 'notebooks'}: fetch the course again")
    nbval = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=600"]
    sanitize = ["--nbval-sanitize-with", "tests/notebooks/sanitize.cfg"]
    return [[*pytest, *nbval, *sanitize, *lessons, "tests/notebooks"]]


def run_stage(stage: str, python: Path) -> str:
    """Run every program of a stage; return "ok", "skipped: why" or "FAILED ..."."""
    variables = {}
    if stage == "browser":
        chromium = find_chromium()
        if not chromium:
            return "skipped: no Chromium or Chrome found (install one, or set CHROMIUM to its path)"
        variables["CHROMIUM"] = chromium
    codes = [run_child(command, **variables) for command in stage_commands(stage, python)]
    return next((f"FAILED (exit code {code})" for code in codes if code), "ok")


def stage_name(text: str) -> str:
    if text not in STAGES:
        raise argparse.ArgumentTypeError(
            f"unknown stage {text!r}, expected any of {', '.join(STAGES)}"
        )
    return text


def command_test(arguments: list[str]) -> int:
    """run everything that CI runs: lint, unit tests, all lessons, browser tests"""
    parser = Parser(
        prog="course.py test",
        description=(
            "Run everything that CI runs, or only the named stages: lint (ruff, import-linter,"
            " leftovers), unit (pytest), notebooks (every lesson is executed and its outputs"
            " compared), browser (JupyterLab and the site in Chromium, skipped without one)."
        ),
    )
    parser.add_argument(
        "stages", nargs="*", type=stage_name, metavar="stage", help=f"any of {', '.join(STAGES)}"
    )
    wanted = parser.parse_args(arguments).stages
    python = ensure_environment()
    results = []
    for stage in (stage for stage in STAGES if stage in wanted or not wanted):
        print(f"\n=== {stage} ===", flush=True)
        started = time.monotonic()
        try:
            result = run_stage(stage, python)
        except CourseError as error:
            result = f"FAILED: {error}"
        results.append((stage, time.monotonic() - started, result))
        print(f"{stage}: {result}", flush=True)
    print("\nstage      seconds  result")
    for stage, seconds, result in results:
        print(f"{stage:<10} {seconds:7.1f}  {result}")
    return int(any(result.startswith("FAILED") for _, _, result in results))


def command_run(arguments: list[str]) -> int:
    """execute every lesson from top to bottom and print a table of times and memory"""
    return delegate(["notebooks/build.py", "run"], command_run.__doc__, arguments)


def command_build(arguments: list[str]) -> int:
    """build the lessons and their solutions from notebooks/source (for authors)"""
    return delegate(["notebooks/build.py", "build"], command_build.__doc__, arguments)


def command_site(arguments: list[str]) -> int:
    """build the course as a static site in _site/"""
    return delegate(["docs/build_site.py"], command_site.__doc__, arguments, "site")


def command_slides(arguments: list[str]) -> int:
    """build slides of the lessons in _slides/"""
    return delegate(["docs/build_slides.py"], command_slides.__doc__, arguments, "slides")


def command_students(arguments: list[str]) -> int:
    """write the course without its answers, for graded work: students OUT"""
    return delegate(["docs/students_package.py"], command_students.__doc__, arguments, "students")


def command_generate(arguments: list[str]) -> int:
    """sample a shape from a shipped model: generate chair --seed 3 --out chair.glb"""
    return delegate(["-m", "course_utils", "generate"], command_generate.__doc__, arguments)


def command_train(arguments: list[str]) -> int:
    """train a model from its config in configs/"""
    return delegate(["-m", "course_utils", "train"], command_train.__doc__, arguments)


def command_gpu_check(arguments: list[str]) -> int:
    """train and sample on a GPU, compare with the CPU and measure (minutes)"""
    return delegate(
        ["-m", "benchmarks.gpu_check"], command_gpu_check.__doc__, arguments, "gpu-check"
    )


def command_doctor(arguments: list[str]) -> int:
    """check this computer and the environment line by line"""
    parser = Parser(
        prog="course.py doctor",
        description=(
            "Check each thing that the course needs: one line, [ok] or [problem] with its remedy."
            " Installs nothing. The exit code is 1 if there is a problem."
        ),
    )
    parser.parse_args(arguments)
    installed = is_current()
    problems = 0
    for name, (fine, text) in doctor_checks(installed):
        problems += not fine
        print(f"[{'ok' if fine else 'problem'}] {name}: {text}", flush=True)
    if installed:
        problems += run_child([str(venv_python()), "-m", "course_utils", "doctor"]) != 0
    return int(problems > 0)


def doctor_checks(installed: bool):
    """Yield (name, (fine, text)) for each check that needs none of the installed packages."""
    yield "Python", (True, f"{sys.version.split()[0]} ({sys.executable})")
    obstacle = no_torch_here()
    yield (
        "torch",
        (
            (False, obstacle.replace(": ", "; remedy: ", 1))
            if obstacle
            else (True, f"version {pinned('torch')} has a build for this computer")
        ),
    )
    writable = os.access(ROOT, os.W_OK)
    readonly = f"{ROOT} is read-only; remedy: copy the course to a folder of your own"
    yield "folder", (writable, str(ROOT) if writable else readonly)
    yield "GPU", check_gpu()
    if installed:
        yield "environment", (True, ".venv is installed and up to date")
        return
    yield (
        "venv module",
        (True, "present") if has_venv_module() else (False, f"missing; remedy: {VENV_REMEDY}"),
    )
    needed, free = needed_gigabytes(nvidia_gpu()), free_gigabytes()
    space = f"{free:.1f} GB free, about {needed} GB needed"
    yield (
        "disk space",
        (
            (True, space)
            if free >= needed
            else (False, f"{space}; remedy: free some space or use another disk")
        ),
    )
    yield "network", check_network()
    if (VENV / "pyvenv.cfg").is_file() or marker_file().exists():
        yield (
            "environment",
            (
                False,
                f".venv is not in order ({why_not_current()}); remedy: 'course.py lab' repairs it",
            ),
        )
    else:
        yield "environment", (True, "not installed yet: 'course.py lab' installs it")


def check_gpu() -> tuple[bool, str]:
    gpu = nvidia_gpu()
    if gpu:
        return True, gpu
    if nvidia_smi():
        return (
            False,
            (
                "nvidia-smi fails; remedy: reinstall the NVIDIA driver (until then the course runs"
                " on the CPU)"
            ),
        )
    return True, "no NVIDIA driver: the course runs on the CPU"


def check_network() -> tuple[bool, str]:
    """Return whether pip, as it is configured here, can fetch a small package; and one line."""
    if importlib.util.find_spec("pip") is None:
        return True, "not checked: this Python has no pip (the installation includes one)"
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--retries",
            "0",
            "--dest",
            folder,
        ]
        answer = subprocess.run(
            [*command, f"packaging=={pinned('packaging')}"],
            cwd=folder,
            env=install_environment(sys.executable),
            capture_output=True,
            text=True,
            check=False,
        )
    if answer.returncode == 0:
        return True, "pip reaches its package index"
    if "Traceback" in answer.stderr:
        return True, "not checked: this Python's pip is broken (the installation brings its own)"
    return (
        False,
        "pip cannot fetch a package; remedy: check the network connection or the proxy settings",
    )


COMMANDS = {
    "lab": command_lab,
    "test": command_test,
    "run": command_run,
    "build": command_build,
    "site": command_site,
    "slides": command_slides,
    "students": command_students,
    "generate": command_generate,
    "train": command_train,
    "doctor": command_doctor,
    "gpu-check": command_gpu_check,
}


def explain_os_error(error: OSError) -> str:
    """Turn an error of the operating system into one line that tells the user what to do."""
    place = error.filename or ROOT
    if error.errno == errno.ENOSPC:
        return f"the disk is full ({place}): free about 3 GB and start again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"cannot write {place}: close programs that use it, or copy the course to a folder"
            " of your own"
        )
    return f"{error.strerror or error} ({place})"


def terminate(*_) -> None:
    raise Terminated


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code."""
    parser = Parser(
        prog="course.py",
        description="Noise to Shape: set up the course (once, in .venv) and run it.",
        epilog="commands:\n"
        + "\n".join(f"  {name:<9} {function.__doc__}" for name, function in COMMANDS.items())
        + "\n\n'course.py COMMAND --help' explains one of them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", help="one of the commands below")
    name = parser.parse_args(arguments[:1]).command
    if name not in COMMANDS:
        parser.error(f"unknown command {name!r}, expected one of {', '.join(COMMANDS)}")
    try:
        return COMMANDS[name](arguments[1:])
    except CourseError as error:
        print(f"course.py: {error}", file=sys.stderr)
    except OSError as error:
        print(f"course.py: {explain_os_error(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\ncourse.py: stopped", file=sys.stderr)
        return 130
    return 1


if __name__ == "__main__":
    for stream in filter(None, (sys.stdout, sys.stderr)):  # names of folders hold any character
        stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, terminate)
    sys.exit(main(sys.argv[1:]))
