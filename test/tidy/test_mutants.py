"""The list of one-line faults keeps up with the code."""

from harness import mutants

WITH_A_LINE_MIN = 60


def test_faults_find_their_lines(_case):
    listed = mutants.read_list()
    found = [mutant for mutant in listed if mutant.times_found() == 1]
    told = f"{len(found)} of {len(listed)}: see scripts/mutants.sh --check"
    assert len(found) >= WITH_A_LINE_MIN, told
    for mutant in found:
        if not mutant.suite.startswith(mutants.PYTHON):
            mutants.target_of(mutant.suite)
