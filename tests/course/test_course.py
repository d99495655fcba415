"""course.py without a real environment: stamps, locks, commands and all failures of a set-up."""

import ast
import errno
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "course.py"
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def course(tmp_path, monkeypatch):
    """course.py as a module that works on an empty copy of the course, without GPU or network."""
    spec = importlib.util.spec_from_file_location("course_under_test", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in module.INSTALLED_FROM:
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "nvidia_smi", lambda: None)
    monkeypatch.setattr(module, "reachable", lambda address: False)
    return module


@pytest.fixture
def steps(course, monkeypatch):
    """Lists the installation steps instead of running them; `venv` leaves what venv leaves."""
    done = []

    def step(title, command):
        assert course.marker_file().exists(), "a kill now would go unnoticed"
        assert not course.stamp_file().exists()
        done.append(command)
        if "venv" in command:
            fake_venv(course)

    monkeypatch.setattr(course, "logged_step", step)
    return done


def fake_venv(course, version=f"{VERSION}.0"):
    course.venv_python().parent.mkdir(parents=True, exist_ok=True)
    course.venv_python().write_text("")
    (course.VENV / "pyvenv.cfg").write_text(f"home = somewhere\nversion = {version}\n")


def fail_step(course, monkeypatch, output, code=1):
    """Installation steps that print `output` and fail."""
    run = course.logged_step
    script = f"import sys; print({output!r}); sys.exit({code})"
    monkeypatch.setattr(
        course, "logged_step", lambda title, command: run(title, [sys.executable, "-c", script])
    )


def complaint(capsys):
    """The one line that was written to stderr."""
    (line,) = capsys.readouterr().err.splitlines()
    assert "Traceback" not in line
    return line


# The file itself


def test_old_python_can_parse_it_and_is_told():
    ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 7))
    program = (
        f"import sys, runpy; sys.version_info = (3, 9, 1); runpy.run_path({str(SOURCE)!r},"
        " run_name='__main__')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "Python 3.11 to 3.14 and this is 3.9" in answer.stderr


def test_standard_library_only():
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


# Command line


def test_help_of_every_command(course, capsys):
    with pytest.raises(SystemExit, match="0"):
        course.main(["--help"])
    overview = capsys.readouterr().out
    for name in course.COMMANDS:
        assert f"\n  {name} " in overview
        try:
            code = course.main([name, "--help"])
        except SystemExit as end:
            code = end.code
        assert code == 0
        assert f"course.py {name}" in capsys.readouterr().out
    assert not course.VENV.exists(), "help must not install"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "command"),
        (["labb"], "labb"),
        (["--lab"], "command"),
        (["lab", "--prt=1"], "--prt=1"),
        (["lab", "extra.ipynb"], "extra.ipynb"),
        (["lab", "--port", "many"], "many"),
        (["lab", "--port", "70000"], "70000"),
        (["test", "units"], "units"),
        (["test", "unit", "--fast"], "--fast"),
        (["doctor", "now"], "now"),
    ],
)
def test_wrong_argument_is_one_line_and_exit_code_2(course, capsys, arguments, named):
    with pytest.raises(SystemExit) as end:
        course.main(arguments)
    assert end.value.code == 2
    assert named in complaint(capsys)
    assert not course.VENV.exists()


def processor_seconds():
    """Processor time of this process and finished children: other programs do not change it."""
    return sum(os.times()[:4])


def test_starts_quickly():
    before = processor_seconds()
    subprocess.run([sys.executable, str(SOURCE), "test", "--help"], capture_output=True, check=True)
    assert processor_seconds() - before < 1


def test_current_environment_is_handed_over_at_once(course, monkeypatch):
    """A command's whole way when nothing changed; JupyterLab is a program that just ends."""
    fake_venv(course)
    course.write_stamp()
    monkeypatch.setattr(course, "venv_python", lambda: Path(sys.executable))
    (course.ROOT / "notebooks").mkdir()
    (course.ROOT / "notebooks" / "build.py").write_text("import sys; sys.exit(len(sys.argv) + 40)")
    before = processor_seconds()
    assert course.main(["run", "--only", "00"]) == 44  # the exit code is the program's own
    assert processor_seconds() - before < 1


def test_lab_is_local_and_opens_lesson_00(course, monkeypatch):
    fake_venv(course)
    course.write_stamp()
    (course.ROOT / "notebooks").mkdir()
    for name in ("00_start_here.ipynb", "08_voxels.ipynb"):
        (course.ROOT / "notebooks" / name).write_text("{}")
    calls = []
    monkeypatch.setattr(course, "run_child", lambda command: calls.append(command) or 0)
    assert course.main(["lab", "--no-browser", "--port", "9001", "--ServerApp.log_level=10"]) == 0
    (command,) = calls
    assert command[:3] == [str(course.venv_python()), "-m", "jupyterlab"]
    assert {"--ip=localhost", "--port=9001", "--no-browser", "--ServerApp.log_level=10"} <= set(
        command
    )
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in command
    assert not [argument for argument in command if "token" in argument.lower()]


# Stamp, repair, lock


def test_installs_once_then_only_after_a_change(course, steps):
    course.ensure_environment()
    assert len(steps) == 3
    assert course.is_current()
    course.ensure_environment()
    assert len(steps) == 3
    for name in course.INSTALLED_FROM:
        with open(course.ROOT / name, "a") as file:
            file.write("# another byte\n")
        assert not course.is_current()
        before = len(steps)
        course.ensure_environment()
        assert course.is_current()
        assert len(steps) == before + 2  # pip only, the environment itself is kept
    settings = json.loads((course.VENV / "share/jupyter/lab/settings/overrides.json").read_text())
    assert settings["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_line_ends_are_no_change(course):
    before = course.fingerprint()
    file = course.ROOT / "constraints.txt"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert course.fingerprint() == before


def test_another_python_or_course_version_is_a_change(course, monkeypatch):
    before = course.fingerprint()
    monkeypatch.setattr(course, "INSTALL_VERSION", course.INSTALL_VERSION + 1)
    changed = course.fingerprint()
    monkeypatch.setattr(course.sys, "version_info", (3, 99, 0))
    assert len({before, changed, course.fingerprint()}) == 3


@pytest.mark.parametrize(
    "damage", ["killed", "python gone", "other python", "moved", "config gone"]
)
def test_half_made_or_foreign_environment_is_made_anew(course, steps, damage):
    fake_venv(course, "3.2.0" if damage == "other python" else f"{VERSION}.9")
    course.write_stamp()
    assert course.is_current()
    leftover = course.VENV / "lib" / "half" / "module.py"
    leftover.parent.mkdir(parents=True)
    leftover.write_text("broken")
    if damage == "killed":
        course.marker_file().touch()
    elif damage == "python gone":
        course.venv_python().unlink()
    elif damage == "config gone":
        (course.VENV / "pyvenv.cfg").unlink()
        course.stamp_file().unlink()
    elif damage == "moved":
        stamp = course.read_stamp()
        course.stamp_file().write_text(json.dumps({**stamp, "root": "elsewhere"}))
    else:
        course.stamp_file().write_text("{}")
    assert not course.is_current()
    course.ensure_environment()
    assert "venv" in steps[0]
    assert not leftover.exists()
    assert course.is_current()


def test_killed_in_the_middle_leaves_the_marker(course, steps, monkeypatch):
    def killed(title, arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(course, "pip_install", killed)
    assert course.main(["run"]) == 130
    assert course.marker_file().exists()
    assert course.reason_to_rebuild() == "the last installation did not finish"


def test_lock_admits_one(course, capsys):
    course.VENV.mkdir()
    with (
        open(course.VENV / "course.lock", "a+b") as first,
        open(course.VENV / "course.lock", "a+b") as second,
    ):
        assert course.try_lock(first)
        assert not course.try_lock(second)
        first.close()
        assert course.try_lock(second)


def test_second_process_waits_and_does_not_install_again(course, steps, monkeypatch, capsys):
    def release(seconds):  # the first process finishes while this one sleeps
        fake_venv(course)
        course.write_stamp()
        first.close()

    course.VENV.mkdir()
    first = open(course.VENV / "course.lock", "a+b")  # noqa: SIM115
    assert course.try_lock(first)
    monkeypatch.setattr(course.time, "sleep", release)
    course.ensure_environment()
    assert steps == []
    assert capsys.readouterr().out.count("waiting") == 1


# What pip is asked for


def test_cpu_build_from_pytorch_where_there_is_no_gpu(course, monkeypatch):
    version = course.pinned("torch")
    monkeypatch.setattr(course.sys, "platform", "linux")
    assert course.torch_attempts("") == [[f"torch=={version}+cpu"], [f"torch=={version}"]]
    assert course.torch_attempts("GPU 0: a card") == [[f"torch=={version}"]]
    monkeypatch.setattr(course, "reachable", lambda address: True)
    assert course.torch_attempts("") == [
        ["--index-url", "https://download.pytorch.org/whl/cpu", f"torch=={version}"]
    ]
    monkeypatch.setattr(course.sys, "platform", "darwin")
    assert course.torch_attempts("") == [[f"torch=={version}"]]


def test_next_best_torch_only_where_the_cpu_build_does_not_exist(course, monkeypatch):
    asked = []

    def pip_install(title, arguments):
        asked.append(arguments[-1])
        if arguments[-1].endswith("+cpu"):
            raise course.CourseError("no such version")

    monkeypatch.setattr(course.sys, "platform", "linux")
    monkeypatch.setattr(course, "pip_install", pip_install)
    course.install_torch("")
    assert asked == [f"torch=={course.pinned('torch')}+cpu", f"torch=={course.pinned('torch')}"]


def test_everything_but_torch_is_installed_with_hashes_and_nothing_is_built(course, steps):
    course.ensure_environment()
    venv, torch, packages = steps
    assert venv[1:] == ["-m", "venv", str(course.VENV)]
    wanted = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", "requirements.lock"]
    assert packages[-6:] == wanted
    assert "--no-deps" in torch and torch[-1].startswith("torch==")


@pytest.mark.parametrize(
    ("platform", "torch", "cuda"),
    [
        ("linux", ["torch==9+cpu"], False),
        ("linux", ["torch==9"], True),
        ("linux", ["--index-url", "https://download.pytorch.org/whl/cpu", "torch==9"], False),
        ("win32", ["torch==9"], False),
        ("darwin", ["torch==9"], False),
    ],
)
def test_what_torchs_cuda_build_wants_has_hashes_too(
    course, steps, monkeypatch, platform, torch, cuda
):
    monkeypatch.setattr(course, "pinned", lambda name: "9")
    monkeypatch.setattr(course, "no_torch_here", lambda: "")
    monkeypatch.setattr(course, "install_torch", lambda gpu: torch)
    monkeypatch.setattr(course.sys, "platform", platform)
    course.ensure_environment()
    locks = [step[-1] for step in steps if "--require-hashes" in step]
    assert locks == ["requirements-cuda.lock"] * cuda + ["requirements.lock"]


@pytest.mark.skipif(os.name == "nt", reason="the fake nvidia-smi is a shell script")
@pytest.mark.parametrize(
    ("script", "gpu", "fine"),
    [("echo 'GPU 0: Card'", "GPU 0: Card", True), ("exit 9", "", False), ("true", "", False)],
)
def test_nvidia_gpu(course, monkeypatch, tmp_path, script, gpu, fine):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(course, "nvidia_smi", lambda: str(program))
    assert course.nvidia_gpu() == gpu
    assert course.check_gpu()[0] is fine


# What can go wrong: one line, exit code 1


def test_no_venv_module(course, steps, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        course.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else find(name)
    )
    assert course.main(["test"]) == 1
    assert "apt install python3-venv" in complaint(capsys)
    assert steps == []


def test_the_environment_of_another_folder_is_not_emptied_through_a_link(
    course, steps, tmp_path, capsys
):
    other = tmp_path / "other"
    (other / "bin").mkdir(parents=True)
    (other / "kept").write_text("mine")
    course.VENV.symlink_to(other)
    assert course.main(["run"]) == 1
    assert "link" in complaint(capsys) and (other / "kept").read_text() == "mine" and steps == []


def test_too_little_disk_space(course, steps, monkeypatch, capsys):
    monkeypatch.setattr(course, "free_gigabytes", lambda: 2.94)
    assert course.main(["run"]) == 1
    line = complaint(capsys)
    assert "about 3 GB" in line
    assert "2.9 GB are free" in line
    assert steps == []


@pytest.mark.parametrize(
    ("output", "says", "keeps"),
    [
        (
            "ERROR: Could not install packages: [Errno 28] No space left on device",
            "(TMPDIR names another folder)",
            False,
        ),
        (
            "Retrying: NewConnectionError: Failed to establish\nERROR: No matching distribution",
            "network",
            True,
        ),
        ("socket.gaierror: Temporary failure in name resolution", "network", True),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have"
            " updated\n    tqdm==4.70.1 from https://host/tqdm-4.70.1-py3-none-any.whl (from -r"
            " requirements.lock (line 9)):\n        Expected sha256 00\n             Got        11",
            "tqdm==4.70.1 is not the file that the course was tested with",
            False,
        ),
    ],
)
def test_pip_failure_is_explained(course, monkeypatch, capsys, output, says, keeps):
    """After a network error the next start continues with what is there, after others not."""
    fake_venv(course)
    fail_step(course, monkeypatch, output)
    assert course.main(["run"]) == 1
    line = complaint(capsys)
    assert says in line
    assert output not in line
    assert (course.reason_to_rebuild() == "") is keeps
    assert not course.is_current()
    assert output.splitlines()[-1] in (course.VENV / "install.log").read_text()


def test_unknown_pip_failure_shows_the_end_of_its_output(course, monkeypatch, capsys):
    fake_venv(course)
    fail_step(course, monkeypatch, "\n".join(f"line {i}" for i in range(50)), code=3)
    assert course.main(["run"]) == 1
    lines = capsys.readouterr().err.splitlines()
    shown = [line for line in lines if line.startswith("    | ")]
    attempts = 1 if sys.platform == "darwin" else 2
    assert shown == [f"    | line {i}" for i in range(42, 50)] * attempts
    assert "failed with exit code 3" in lines[-1]


def test_read_only_folder(course, monkeypatch, capsys):
    def refuse(self, *arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert course.main(["run"]) == 1
    assert "copy the course to a folder of your own" in complaint(capsys)


def test_incomplete_copy(tmp_path):
    copy = tmp_path / "course.py"
    copy.write_bytes(SOURCE.read_bytes())
    answer = subprocess.run(
        [sys.executable, str(copy), "run"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert "constraints.txt is missing" in line


# doctor and test


def doctor(course, capsys):
    code = course.main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("[ok] ", "[problem] ")) for line in lines)
    problems = {line.split()[1].rstrip(":"): line for line in lines if line.startswith("[problem]")}
    assert all("remedy: " in line for line in problems.values())
    return code, problems


def test_doctor_before_the_first_start(course, monkeypatch, capsys):
    monkeypatch.setattr(course, "check_network", lambda: (True, "fine"))
    assert doctor(course, capsys) == (0, {})
    monkeypatch.setattr(course, "has_venv_module", lambda: False)
    monkeypatch.setattr(course, "free_gigabytes", lambda: 0.5)
    monkeypatch.setattr(course, "nvidia_smi", lambda: "no-such-program")
    code, problems = doctor(course, capsys)
    assert code == 1
    assert set(problems) == {"venv", "disk", "GPU"}
    assert not course.VENV.exists()


def test_doctor_without_network(course, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    fine, text = course.check_network()
    assert not fine
    assert "remedy: check the network" in text


def test_doctor_goes_on_with_the_package_once_installed(course, monkeypatch, capsys):
    fake_venv(course)
    course.write_stamp()
    calls = []
    monkeypatch.setattr(course, "run_child", lambda command: calls.append(command) or 3)
    code, problems = doctor(course, capsys)
    assert (code, problems) == (1, {})
    assert calls == [[str(course.venv_python()), "-m", "course_utils", "doctor"]]


def test_all_stages_run_and_one_failure_counts(course, monkeypatch, capsys):
    (course.ROOT / "notebooks").mkdir()
    (course.ROOT / "notebooks" / "00_start_here.ipynb").write_text("{}")
    calls = []

    def run_child(command, **variables):
        calls.append(command[2:])
        return 5 if "--ignore=tests/browser" in command else 0

    monkeypatch.setattr(course, "ensure_environment", course.venv_python)
    monkeypatch.setattr(course, "find_chromium", lambda: "")
    monkeypatch.setattr(course, "run_child", run_child)
    assert course.main(["test"]) == 1
    *lint, unit, notebooks = calls
    assert lint[:2] == [["ruff", "check", "."], ["ruff", "format", "--check", "."]]
    assert "importlinter" in lint[2][0]
    assert lint[3:] == [["pytest", "-q", "tests/course/test_repository.py"]]
    assert unit == [
        *("pytest", "tests", "--ignore=tests/course/test_repository.py"),
        *("--ignore=tests/notebooks", "--ignore=tests/browser"),
    ]
    assert {"--nbval", "tests/notebooks/sanitize.cfg", "notebooks/00_start_here.ipynb"} <= set(
        notebooks
    )
    table = {
        line.split()[0]: line.split(None, 2)[2]
        for line in capsys.readouterr().out.splitlines()[-4:]
    }
    assert table["lint"] == table["notebooks"] == "ok"
    assert table["unit"] == "FAILED (exit code 5)"
    assert table["browser"].startswith("skipped: no Chromium")
    assert course.main(["test", "lint", "notebooks"]) == 0
    assert len(calls) == 6 + 5


def test_a_stage_runs_all_its_programs_and_fails_with_the_first_exit_code(course, monkeypatch):
    codes = iter([0, 3, 0, 1])
    monkeypatch.setattr(course, "run_child", lambda command: next(codes))
    assert course.run_stage("lint", course.venv_python()) == "FAILED (exit code 3)"
    assert list(codes) == []


def test_chromium_by_variable(course, monkeypatch):
    monkeypatch.setenv("CHROMIUM", sys.executable)
    assert course.find_chromium() == sys.executable
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    with pytest.raises(course.CourseError, match="no-such-browser"):
        course.find_chromium()


def test_chromium_of_playwright(course, monkeypatch, tmp_path):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(course.shutil, "which", lambda name: None)
    monkeypatch.setattr(course.Path, "home", lambda: tmp_path)
    for variable in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
        monkeypatch.delenv(variable, raising=False)
    program = tmp_path / "browsers" / "chromium-1200" / "chrome-linux64" / "chrome"
    program.parent.mkdir(parents=True)
    program.write_text("")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "browsers"))
    if not Path("/Applications/Google Chrome.app").exists():
        assert course.find_chromium() == str(program)


SHADOWS = (
    "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONINSPECT",
    "PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONPLATLIBDIR", "PYTHONSAFEPATH", "PYTHONNOUSERSITE",
    "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_HASHES", "PIP_DRY_RUN",
    "PIP_NO_DEPS", "PIP_NO_BINARY", "PIP_ONLY_BINARY", "PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT",
    "PIP_REQUIREMENT", "PIP_UPGRADE_STRATEGY", "PIP_REQUIRE_VIRTUALENV", "PIP_PYTHON",
    "PIP_REPORT", "PIP_QUIET", "PIP_PRE", "PIP_IGNORE_INSTALLED", "PIP_LOG", "PIP_EDITABLE",
    "PIP_PLATFORM", "VIRTUAL_ENV_PROMPT", "__PYVENV_LAUNCHER__", "CONDA_PREFIX",
    "CONDA_DEFAULT_ENV", "_CE_CONDA", "MPLBACKEND", "MATPLOTLIBRC", "JUPYTER_PATH",
    "JUPYTER_CONFIG_DIR", "JUPYTERLAB_DIR", "JUPYTER_TOKEN", "IPYTHONDIR", "PYTEST_ADDOPTS",
    "PLOTLY_RENDERER", "GIT_DIR", "GIT_INDEX_FILE", "npm_config_global",
)  # fmt: skip
REACH = (
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_CERT", "PIP_PROXY",
    "PIP_CACHE_DIR", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_DEFAULT_TIMEOUT", "HTTPS_PROXY",
    "https_proxy", "no_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HOME", "TMPDIR", "LANG",
    "LC_ALL", "SYSTEMROOT", "USERPROFILE",
)  # fmt: skip
OWN = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "HF_HOME", "DISPLAY", "CHROMIUM", "MY_OWN", "CI")


def test_what_shadows_the_pins_reaches_neither_installation_nor_programs(course, monkeypatch):
    monkeypatch.setattr(course, "pip_settings", lambda python, variables: {})
    for name in (*SHADOWS, *REACH, *OWN):
        monkeypatch.setenv(name, "x")
    installing, running = course.install_environment(sys.executable), course.child_environment()
    assert not {*SHADOWS, "VIRTUAL_ENV", *OWN} & installing.keys()
    assert not set(SHADOWS) & running.keys()
    assert running["VIRTUAL_ENV"] == str(course.VENV)
    assert {installing[name] for name in REACH} == {"x"}
    assert {running[name] for name in (*REACH, *OWN)} == {"x"}
    assert installing["PIP_CONFIG_FILE"] == os.devnull


def test_names_are_windows_names_too(course, monkeypatch):
    monkeypatch.setattr(course, "pip_settings", lambda python, variables: {})
    fake = {
        "SystemRoot": "C",
        "Pip_User": "1",
        "PythonPath": "p",
        "Pip_Index_Url": "i",
        "Path": "b",
    }
    monkeypatch.setattr(course.os, "environ", fake)
    installing, running = course.install_environment(sys.executable), course.child_environment()
    assert {"SystemRoot", "Pip_Index_Url"} <= installing.keys() & running.keys()
    assert not {"Pip_User", "PythonPath"} & (installing.keys() | running.keys())


def test_of_pips_files_only_the_index_counts(course, monkeypatch, tmp_path):
    """And a variable goes before a file, [install] before [global], as in pip."""
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nuser = true\nquiet = 2\nrequire-hashes = true\ntimeout = 7\nindex-url = https://a/s\n"
        "cert = /c\nextra-index-url =\n    https://one/simple\n    https://two/simple\n"
        "[install]\ntarget = /nowhere\nindex-url = https://b/s\nno-binary = :all:\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_CERT", "/mine")
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    found = course.install_environment(sys.executable)
    pips = {name: value for name, value in found.items() if name.startswith("PIP_")}
    assert pips["PIP_INDEX_URL"] == "https://b/s" and pips["PIP_TIMEOUT"] == "7"
    assert pips["PIP_EXTRA_INDEX_URL"].split() == ["https://one/simple", "https://two/simple"]
    assert pips["PIP_CERT"] == "/mine" and pips["PIP_CONFIG_FILE"] == os.devnull
    assert all(course.reaches_index(name) for name in pips.keys() - {"PIP_CONFIG_FILE"})
    # pip itself, asked in that environment, knows of nothing else
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env=found, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "user" not in listed and "target" not in listed and "https://b/s" in listed


def test_a_broken_pip_file_is_one_line(course, monkeypatch, tmp_path, capsys):
    (tmp_path / "pip.conf").write_text("user = true without a section\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    fake_venv(course)
    fail_step(course, monkeypatch, "never runs")
    assert course.main(["run"]) == 1
    assert "pip cannot read its configuration" in complaint(capsys)


@pytest.mark.skipif(os.name == "nt", reason="a script stands for the interpreter")
def test_a_broken_pip_beside_the_users_python_is_no_obstacle(course, monkeypatch, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'Traceback: ImportError: no main in pip' >&2\nexit 1\n")
    broken.chmod(0o755)
    assert course.pip_settings(str(broken), {}) == {}
    monkeypatch.setattr(sys, "executable", str(broken))
    fine, text = course.check_network()
    assert fine and "pip is broken" in text


@pytest.mark.skipif(os.name == "nt", reason="a folder in use cannot be deleted there")
def test_started_in_a_folder_that_is_gone():
    command = 'cd "$(mktemp -d)" && rmdir "$PWD" && exec "$0" "$1" lab --help'
    variables = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    answer = subprocess.run(
        ["sh", "-c", command, sys.executable, str(SOURCE)],
        env=variables, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows names no home by HOME")
def test_lab_without_a_home_says_so_before_it_installs(course, steps, monkeypatch, capsys):
    (course.ROOT / "notebooks").mkdir()
    (course.ROOT / "notebooks" / "00_start.ipynb").write_text("{}")
    monkeypatch.setenv("HOME", "/nowhere/at/all")
    assert course.main(["lab"]) == 1
    assert "set HOME to a folder of your own" in complaint(capsys) and steps == []


def test_a_terminal_without_the_letters_of_the_folder(course, tmp_path):
    folder = tmp_path / "Übung 椅"
    folder.mkdir()
    for name in ("course.py", *course.INSTALLED_FROM):
        shutil.copy(ROOT / name, folder)
    answer = subprocess.run(
        [sys.executable, str(folder / "course.py"), "doctor"],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PIP_NO_INDEX": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.stderr == "" and r"\xdcbung \u6905" in answer.stdout


def test_a_module_of_the_users_does_not_stand_for_pythons_own(tmp_path):
    for name in ("json", "hashlib", "signal", "platform", "argparse"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('shadow')")
    paths = os.pathsep.join([str(tmp_path), "", os.environ.get("PYTHONPATH", "")])
    answer = subprocess.run(
        [sys.executable, str(SOURCE), "lab", "--help"],
        env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0 and answer.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot replace a process")
@pytest.mark.parametrize("variable", ["PYTHONINSPECT", "PYTHONOPTIMIZE"])
def test_a_users_variable_changes_neither_help_nor_exit_code(variable):
    def ask(*arguments):
        return subprocess.run(
            [sys.executable, str(SOURCE), *arguments], env={**os.environ, variable: "2"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert "None" not in ask("--help").stdout
    answer = ask("doctor", "now")
    assert answer.returncode == 2 and answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "name",
    ["$x", "{x}", "%x% 100%", "a b'c\"d", ";#&|", "ü 椅 🪑", "[1]*?", "-r", "import sys", "a\nb"],
)
def test_a_folder_of_any_name_is_on_the_environments_path(course, monkeypatch, tmp_path, name):
    """Even where names have no letters beyond ASCII: the line is code, and nothing is built."""
    folder = tmp_path / name
    (folder / "course_utils").mkdir(parents=True)
    (folder / "course_utils" / "__init__.py").write_text("")
    monkeypatch.setattr(course, "ROOT", folder)
    monkeypatch.setattr(course, "VENV", folder / ".venv")
    course.point_to_the_course()
    (packages,) = course.VENV.rglob("site-packages")
    program = (
        f"import site; site.addsitedir({str(packages)!r}); import course_utils; "
        "print(ascii(course_utils.__file__))"
    )
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        env={"LC_ALL": "C", "SYSTEMROOT": os.environ.get("SYSTEMROOT", "")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.stdout.strip() == ascii(str(folder / "course_utils" / "__init__.py"))


def test_a_folder_that_path_cannot_name(course, steps, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(course, "ROOT", tmp_path / f"a{os.pathsep}b")
    with pytest.raises(course.CourseError, match=r"has a '.' in its name.*rename it"):
        course.check_can_install("first start", "")


# Machines


@pytest.fixture
def machine(course, monkeypatch):
    """Makes course.py believe that it runs elsewhere."""

    def pretend(**told):
        told = {
            "platform": "linux", "machine": "x86_64", "version": (3, 12, 1), "libc": "glibc 2.36",
            "name": "cpython", "tag": "linux-x86_64", "kernel": "#1 SMP", "bits": 64, "free": None,
            "mac": "", **told,
        }  # fmt: skip
        monkeypatch.setattr(course.sys, "platform", told["platform"])
        monkeypatch.setattr(course.sys, "version_info", told["version"])
        monkeypatch.setattr(course.sys, "implementation", SimpleNamespace(name=told["name"]))
        monkeypatch.setattr(course.sys, "maxsize", 2 ** (told["bits"] - 1) - 1)
        monkeypatch.setattr(course.platform, "machine", lambda: told["machine"])
        monkeypatch.setattr(course.platform, "version", lambda: told["kernel"])
        monkeypatch.setattr(course.platform, "mac_ver", lambda: (told["mac"], ("", "", ""), ""))
        monkeypatch.setattr(course.platform, "python_implementation", lambda: told["name"])
        monkeypatch.setattr(course.sysconfig, "get_platform", lambda: told["tag"])
        monkeypatch.setattr(course.sysconfig, "get_config_var", lambda name: told["free"])
        monkeypatch.setattr(course.os, "confstr", lambda name: told["libc"], raising=False)
        monkeypatch.setattr(course.shutil, "which", lambda name: told.get(name))

    return pretend


MAC = {"platform": "darwin", "machine": "arm64", "mac": "15.1", "tag": "macosx-11.0-arm64"}
INTEL = MAC | {"machine": "x86_64", "tag": "macosx-10.9-universal2"}
WINDOWS = {"platform": "win32", "machine": "AMD64", "tag": "win-amd64"}
ON_ARM = {"machine": "ARM64"}


def test_the_ways_without_installing_are_the_lessons_own(course):
    lesson = (ROOT / "notebooks" / "00_start_here.ipynb").read_text(encoding="utf-8")
    assert f"({course.COLAB})" in lesson and f"({course.BINDER}?" in lesson


@pytest.mark.parametrize(
    "told",
    [
        {}, {"machine": "aarch64", "tag": "linux-aarch64"}, {"libc": "glibc 2.28"}, MAC, WINDOWS,
        MAC | {"mac": "10.16"}, {"version": (3, 11, 0)}, {"version": (3, 14, 9)}, WINDOWS | ON_ARM,
    ],
    ids=str,
)  # fmt: skip
def test_a_machine_that_torch_has_a_wheel_for(course, machine, told):
    """On Windows on ARM that is the emulated x86 Python."""
    machine(**told)
    assert course.no_torch_here() == ""


@pytest.mark.parametrize(
    ("told", "names", "remedy"),
    [
        (INTEL, "Intel Macs", "browser"),
        (INTEL | {"kernel": "RELEASE_ARM64_T8103"}, "Intel Python on Apple silicon", "python.org"),
        (WINDOWS | ON_ARM | {"tag": "win-arm64"}, "Windows on ARM", "browser"),
        (WINDOWS | {"tag": "win32", "bits": 32}, "32-bit", "64-bit CPython 3.11 to 3.14"),
        ({"machine": "i686", "bits": 32}, "32-bit", "browser"),
        ({"machine": "armv7l", "bits": 32}, "32-bit", "browser"),
        ({"machine": "ppc64le"}, "linux ppc64le", "browser"),
        ({"machine": "riscv64"}, "linux riscv64", "browser"),
        ({"platform": "freebsd14", "machine": "amd64"}, "freebsd14 amd64", "browser"),
        ({"version": (3, 15, 0)}, "Python 3.15", "install Python 3.14"),
        ({"version": (4, 0, 0)}, "Python 4.0", "install Python 3.14"),
        ({"version": (3, 15, 0), "python3.12": "y"}, "Python 3.15", "'python3.12 course.py lab'"),
        ({"version": (3, 13, 1), "free": 1}, "free-threaded", "usual one"),
        ({"name": "pypy"}, "pypy", "CPython 3.11 to 3.14"),
        ({"name": "graalpy"}, "graalpy", "CPython 3.11 to 3.14"),
        ({"libc": ""}, "without glibc", "browser"),
        ({"libc": None}, "without glibc", "browser"),
        ({"libc": "glibc 2.17"}, "glibc 2.17 (it needs 2.28 or newer)", "browser"),
        (MAC | {"mac": "13.6.1"}, "macOS 13.6.1 (it needs 14 or newer)", "browser"),
        ({"platform": "cygwin"}, "Cygwin or MSYS2", "python.org"),
        (WINDOWS | {"tag": "mingw_x86_64_ucrt_gnu"}, "Cygwin or MSYS2", "python.org"),
    ],
)
def test_a_machine_without_a_wheel_is_told_before_anything_is_fetched(
    course, machine, monkeypatch, capsys, told, names, remedy
):
    machine(**told)
    monkeypatch.setattr(course, "logged_step", lambda *_: pytest.fail("installs"))
    (course.ROOT / "notebooks").mkdir()
    (course.ROOT / "notebooks" / "00_start_here.ipynb").write_text("{}")
    assert course.main(["lab"]) == 1
    out = capsys.readouterr()
    assert out.out == ""
    (line,) = out.err.splitlines()
    for text in (names, remedy, f"torch {course.pinned('torch')}", course.COLAB, course.BINDER):
        assert text in line
    monkeypatch.setattr(course, "check_network", lambda: (True, "fine"))
    code, problems = doctor(course, capsys)
    assert code == 1 and list(problems) == ["torch"] and names in problems["torch"]


def test_children_know_the_environment(course):
    variables = course.child_environment()
    assert variables["PATH"].split(os.pathsep)[0] == str(course.venv_python().parent)
    program = "import os; assert os.environ['CHROMIUM'] == 'x'"
    assert course.run_child([sys.executable, "-c", program], CHROMIUM="x") == 0


def test_waiting_threads_soon_sleep_unless_the_user_says_otherwise(course, monkeypatch):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    rounds = course.child_environment()["GOMP_SPINCOUNT"]
    assert f"GOMP_SPINCOUNT={rounds}\n" in (ROOT / "binder" / "start").read_text(encoding="utf-8")
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    assert course.child_environment()["GOMP_SPINCOUNT"] == "7"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_the_program_too(course):
    """Without a terminal only course.py gets the signal: it ends its child and exits with 130."""
    # course.py waits for it by then
    child = "import time; time.sleep(1); print('up', flush=True); time.sleep(300)"
    program = (
        "import signal, sys, runpy\nsignal.signal(signal.SIGINT, signal.default_int_handler)  # a"
        " background job may have been told to ignore it\ncourse ="
        f" runpy.run_path({str(SOURCE)!r})\ncourse['COMMANDS']['run'] = lambda arguments:"
        " course['run_child']([sys.executable, '-c',"
        f" {child!r}])\nsys.exit(course['main'](['run']))"
    )
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", program], text=True, **pipes)
    assert process.stdout.readline() == "up\n"
    process.send_signal(2)
    # returns early only if the child, which holds the pipe, has ended
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 130
    assert errors.strip() == "course.py: stopped"
