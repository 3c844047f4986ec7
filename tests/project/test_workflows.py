"""What CI runs: nothing but targets of the Makefile, on what exists."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from transcripts import ROOT, outside_make

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.sub(r"\\\n", " ", re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.M)[0]).split())
workflow = pytest.mark.parametrize(
    "text",
    [path.read_text(encoding="utf-8") for path in WORKFLOWS],
    ids=[p.name for p in WORKFLOWS],
)


def test_there_is_one_for_tests_and_one_for_a_release() -> None:
    assert [path.name for path in WORKFLOWS] == ["release-model.yml", "test.yml"]


@workflow
def test_a_workflow_runs_targets_of_the_makefile_and_nothing_else(text: str) -> None:
    commands = re.findall(r"\brun: ([^#\n]+)", text)
    assert commands
    for command in commands:
        program, target, *variables = command.split()
        assert program == "make"
        assert target in TARGETS
        for variable in variables:
            assert re.search(rf"\b{variable.partition('=')[0]}\b", MAKEFILE)


@workflow
def test_a_workflow_may_do_little_for_a_limited_time_with_actions_of_a_stated_version(
    text: str,
) -> None:
    assert re.search(r"^permissions: \{ contents: read", text, re.MULTILINE)
    jobs = text.partition("\njobs:\n")[2]
    assert len(re.findall("runs-on:", jobs)) == len(re.findall(r"timeout-minutes: \d+", jobs)) > 0
    actions = re.findall(r"uses: (\S+)", jobs)
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", action) for action in actions)


def test_ci_tests_pythons_that_the_project_names() -> None:
    named = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text("utf-8"))
    used = [
        version for path in WORKFLOWS for version in re.findall(r'"(3\.\d+)"', path.read_text())
    ]
    assert {named[0], named[-1]} <= set(used) <= set(named)


def test_every_target_is_explained_at_the_head_of_the_makefile() -> None:
    head = MAKEFILE.partition("\nPYTHON")[0]
    assert set(re.findall(r"\bmake ([\w-]+)", head)) == TARGETS
    assert len(MAKEFILE.splitlines()) < 80


def planned(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--dry-run", *arguments]
    return subprocess.run(command, cwd=ROOT, env=outside_make(), capture_output=True, text=True)


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_target_can_be_planned(target: str) -> None:
    done = planned(target, "DATA=crops", "WIDE=others")
    assert done.returncode == 0, done.stderr


def test_paths_in_the_makefile_exist() -> None:
    for path in re.findall(r"(?:tests|docs|benchmarks|studies|edge|train)/[\w/.-]+", MAKEFILE):
        if "*" not in path and not path.startswith("train/H"):  # runs, in build/train
            assert (ROOT / path).exists(), path


@pytest.mark.parametrize("target", ["study", "train-cnn", "release", "reports"])
def test_a_target_that_needs_crops_says_so(target: str) -> None:
    done = planned(target)
    assert done.returncode == 2
    assert "give DATA=folder with hem/ and all/ folders of crops" in done.stderr


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="no actionlint here")
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(["actionlint", *WORKFLOWS], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
