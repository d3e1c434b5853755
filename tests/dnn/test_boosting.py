"""Boosting: what it is worth at a fixed bit error rate, and that the control is its equal but for the errors."""

import copy
from dataclasses import replace
from typing import get_args, get_type_hints

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from edensim.config.boosting_schema import EdenBoosting  # noqa: E402
from edensim.dnn import (  # noqa: E402
    Boosting,
    Curriculum,
    FaultyMemory,
    Storage,
    Training,
    accuracy,
    batches,
    boost,
    bound_activations,
)
from edensim.errors import ConfigError, OutputError  # noqa: E402
from tests.dnn.plain_errors import PlainErrors  # noqa: E402


def measured(net, data, memory, rate):
    memory.errors = PlainErrors(rate, seed=9)
    return accuracy(net, data.test, memory, batch=25).value


def test_boosting_pays(learned, data, tmp_path):
    """At a bit error rate of 0.03, far above the network before, and above the control; the reliable accuracy stays.

    Seen with two seeds: 0.19 and 0.20 before, 0.53 and 0.56 control, 0.62 and 0.62 boosted.
    """
    recipe = replace(Boosting.best(2e-2), training=Training(epochs=6, batch=64))
    before = FaultyMemory(learned, Storage.paper("int8"))
    before.calibrate(batches(data.train))
    weights = learned[0].weight.detach().clone()
    found = boost(learned, data, PlainErrors, recipe, folder=tmp_path / "run")
    base, control, boosted = (
        measured(net, data, memory, 3e-2)
        for net, memory in ((learned, before), (found.control, found.control_memory), (found.net, found.memory))
    )
    assert boosted > base + 0.3
    assert boosted > control + 0.03
    assert measured(found.net, data, found.memory, 0) > accuracy(learned, data.test).value - 0.02
    assert torch.equal(weights, learned[0].weight)
    assert found.memory.storage == found.control_memory.storage
    assert max(x.rate for x in found.control_history) == 0 < min(x.rate for x in found.history)
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["boosted.npz", "control.npz"]


def test_modes():
    """`paper` has none of the extras; the control differs in the target only."""
    paper, best = Boosting.paper(1e-3, "fp32"), Boosting.best(1e-3)
    assert (paper.curriculum.shape, paper.curriculum.epochs_per_step, paper.storage.correction) == ("linear", 2, "zero")
    assert not paper.storage.clips
    assert not paper.training.gradient_clip
    assert not paper.relu6
    assert best.storage.clips
    assert best.relu6
    assert replace(best.control(), curriculum=best.curriculum) == best
    assert best.control().curriculum.target == 0


def test_bounded_activations(data):
    """ReLU becomes ReLU6 in the copies, also where it is one module used twice."""
    act = nn.ReLU()
    net = nn.Sequential(nn.Flatten(), nn.Linear(256, 8), act, nn.Sequential(nn.Linear(8, 10), act))
    recipe = replace(Boosting.paper(1e-3), relu6=True, training=Training(epochs=1, batch=2000))
    found = boost(net, data, PlainErrors, recipe)
    kinds = [type(m) for m in found.net.modules()]
    assert nn.ReLU not in kinds
    assert nn.ReLU6 in kinds
    assert isinstance(net[2], nn.ReLU)


def test_the_control_has_the_activations_of_the_boosted(learned, data):
    """Also where its own, of an earlier round, would be on another scale."""
    control = copy.deepcopy(learned)
    with torch.no_grad():
        control[0].weight *= 1000
    recipe = replace(Boosting.best(1e-3), training=Training(epochs=1, batch=2000))
    found = boost(learned, data, PlainErrors, recipe, control=control)
    assert [type(m) for m in found.net] == [type(m) for m in found.control]
    assert nn.ReLU6 in [type(m) for m in found.net]


def test_a_kept_training_goes_on_with_its_own_activations_only(learned, data, tmp_path):
    """Same folder, another choice of ReLU6."""
    recipe = replace(Boosting.best(1e-3), relu6=False, training=Training(epochs=1, batch=2000))
    boost(learned, data, PlainErrors, recipe, folder=tmp_path)
    with pytest.raises(ConfigError, match="other settings: relu6 was None, is"):
        boost(learned, data, PlainErrors, replace(recipe, relu6=True), folder=tmp_path)


@pytest.mark.parametrize(("above", "bounded"), [(10, True), (11, False)])
def test_activations_are_bounded_where_few_exceed_the_bound(above, bounded):
    """At most a tenth of the outputs above 6; the mode of the network stays."""
    net = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Dropout(), nn.ReLU()))
    batches = [torch.tensor([[7.0]] * above + [[6.0]] * 40), torch.tensor([[-1.0]] * (60 - above))]
    names = bound_activations(net, batches)
    assert [type(net[0]), type(net[1][1])] == [nn.ReLU6 if bounded else nn.ReLU] * 2
    assert names == (["0", "1.1"] if bounded else [])
    assert net.training
    assert bound_activations(nn.Sequential(nn.ReLU()), []) == [], "what was never seen stays"


def test_a_folder_that_cannot_be(learned, data, tmp_path):
    """A file is in the way."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be made"):
        boost(learned, data, PlainErrors, Boosting.paper(1e-3), folder=tmp_path / "file" / "run")


def test_single_choices_change_a_recipe():
    """Each goes to the part it belongs to, the others stay; what does not go together is refused."""
    paper = Boosting.paper(1e-3)
    found = paper.changed({"shape": "at_once", "weight_clip": 2.0, "learning_rate": 1e-3, "backward": "clean"})
    assert (found.curriculum.shape, found.curriculum.target) == ("at_once", 1e-3)
    assert (found.storage.weight_clip, found.storage.precision) == (2.0, "int8")
    assert (found.training.learning_rate, found.training.gradient_clip) == (1e-3, 0.0)
    assert found.backward == "clean"
    assert paper.changed({}) == paper
    with pytest.raises(ConfigError, match="fp32' clips nothing"):
        Boosting.paper(1e-3, "fp32").changed({"map_quantile": 0.9})


def test_every_choice_of_a_recipe_is_a_key():
    """[eden.boosting] has the fields of the recipe that [eden] itself does not set, with the same choices."""
    elsewhere = {"target", "precision", "kinds", "epochs", "seed", "threads", "curriculum", "storage", "training"}
    parts = (Boosting, Curriculum, Storage, Training)
    offered = {name: hint for part in parts for name, hint in get_type_hints(part).items() if name not in elsewhere}
    keys = get_type_hints(EdenBoosting)
    assert set(EdenBoosting.model_fields) == set(offered)
    for name, hint in offered.items():
        assert set(get_args(keys[name])) - {type(None)} == {hint}, name
