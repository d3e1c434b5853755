"""Every verb that reads a configuration tells all that is wrong with it in one go, each with file and line."""

import pytest

import edensim as es
from edensim.errors import INPUT, USAGE

WRONG = """\
[workload]
network = "lenot"

[machine]
preset = "eyeriss-eden"

[dram]
preset = "ddr4-2400r-8gb-x8"
address_map = "RoBaRaCo"
chanels = 2

[operating_point]
vdd = 1.9

[[partition]]
name = "low"
subarrays = [0, 128]
"""


@pytest.fixture
def wrong(tmp_path):
    """A file with five mistakes, of which the schema sees one."""
    path = tmp_path / "wrong.toml"
    path.write_text(WRONG)
    return path


VERBS = [
    ["run"],
    ["show"],
    ["trace", "gen", "--out", "t.npz"],
    ["sweep", "--dry-run", "--axis", "seed=1,2"],
    ["sweep", "--serial", "--axis", "seed=1,2"],
]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_all_in_one_go(edensim, wrong, verb):
    """The schema's problem beside those of network, memory and supply; then, without it, the same and more."""
    outcome = edensim(*verb, wrong)
    assert outcome.code == USAGE
    assert outcome.out == ""
    places = [line.removeprefix("edensim: error: ").split(": ")[0] for line in outcome.err.splitlines()]
    assert places == [f"{wrong}:{line}" for line in (2, 10, 13)]  # the map rests on sizes that line 10 may have meant
    wrong.write_text(WRONG.replace("chanels", "channels"))
    places = [line.removeprefix("edensim: error: ").split(": ")[0] for line in edensim(*verb, wrong).err.splitlines()]
    assert places == [f"{wrong}:{line}" for line in (2, 9, 13, 17)]


def test_axes_of_the_file_belong_to_the_sweep(edensim, wrong):
    """What is wrong with [sweep.axes] stands among the rest."""
    wrong.write_text(WRONG + "[sweep.axes]\nsead = [1]\nseed = { linspace = [1, 2, 0] }\n")
    lines = edensim("sweep", "--dry-run", wrong).err.splitlines()
    assert [line.split(wrong.name)[1].split(": ")[0] for line in lines] == [":2", ":10", ":13", ":19", ":20"]
    assert "did you mean seed?" in lines[3]
    wrong.write_text(WRONG.split("[machine]")[0] + "[sweep.axes]\nsead = [1]\n")
    assert len(edensim("run", wrong).err.splitlines()) == 3  # a run leaves the table alone


def test_from_python(wrong):
    """`es.run` and `es.sweep` too; `es.load_config` itself looks at the configuration alone."""
    wrong.write_text(WRONG.replace("chanels", "channels"))
    resolved = es.load_config(wrong)
    for begin in (lambda: es.run(wrong), lambda: es.run(resolved), lambda: es.sweep(wrong, {"seed": [1]})):
        with pytest.raises(es.ConfigError) as caught:
            begin()
        assert len(caught.value.problems) == 4


@pytest.mark.parametrize("verb", [["run"], ["sweep", "--dry-run"], ["trace", "gen", "--out", "t.npz"]], ids=" ".join)
def test_a_workload_alone(edensim, wrong, verb):
    """Memory, machine and the unknown network are named together."""
    wrong.write_text('[workload]\nnetwork = "lenot"\n')
    outcome = edensim(*verb, wrong)
    assert outcome.code == USAGE
    assert [line.split(wrong.name)[1][:12] for line in outcome.err.splitlines()] == [
        ": dram: miss", ": machine: m", ":2: workload"
    ]  # fmt: skip


def test_what_the_axes_replace_is_not_judged(edensim, wrong):
    """A base whose voltage, network and machine come from axes may lack them or have them wrong; nothing else may."""
    text = WRONG.replace("chanels", "channels").replace('"RoBaRaCo"', '"RoBaRaCoCh"').replace("128", "127")
    wrong.write_text(text.replace('[machine]\npreset = "eyeriss-eden"\n', ""))
    axes = ["operating_point.vdd=1.1", "machine.preset=tpu-eden", "workload.network=lenet"]
    fine = edensim("sweep", wrong, "--dry-run", *(word for axis in axes for word in ("--axis", axis)))
    assert fine.code == 0, fine.err
    wrong.write_text(text)
    bad = edensim("sweep", wrong, "--dry-run", "--axis", axes[0])
    assert [line.split(": ")[2] for line in bad.err.splitlines()] == [f"{wrong}:2"]
    wrong.write_text(text + f'[sweep.axes]\n"{axes[0].split("=")[0]}" = [1.1]\n')
    assert edensim("sweep", wrong, "--dry-run", "--axis", axes[2]).code == 0


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (["show", "dram", "ddr4-2400"], 'show dram: there is no dram preset "ddr4-2400"'),
        (["show", "machine", "eyeris-eden"], 'show machine: there is no machine preset "eyeris-eden"; did you mean'),
        (["trace", "replay", "t.npz", "--dram", "nosuch"], '--dram: there is no dram preset "nosuch"'),
        (["energy", "t.csv", "--dram", "../x"], '--dram: "../x" is no preset name'),
    ],
)
def test_a_preset_that_is_not_there_is_told_in_the_words_of_the_command(edensim, arguments, begins):
    """Not in those of a configuration that the user never wrote."""
    outcome = edensim(*arguments)
    assert outcome.code in (USAGE, INPUT)
    assert outcome.err.startswith(f"edensim: error: {begins}")


def test_a_memory_of_a_file_is_checked_whole(edensim, wrong):
    """`--dram FILE`: map, supply and partitions of the memory, and only those."""
    wrong.write_text(WRONG.replace("chanels", "channels"))
    outcome = edensim("trace", "replay", "t.npz", "--dram", wrong)
    assert [line.removeprefix("edensim: error: ").split(": ")[0] for line in outcome.err.splitlines()] == [
        f"{wrong}:{line}" for line in (9, 13, 17)
    ]
