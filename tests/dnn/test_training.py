"""Training: that it learns, that it goes on to the same bits, and what stops it."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from edensim.dnn import ArraySplit, Curriculum, Data, FaultyMemory, Storage, Training, accuracy, train  # noqa: E402
from edensim.errors import ConfigError, InputError  # noqa: E402
from tests.dnn.plain_errors import PlainErrors  # noqa: E402

SHORT = Training(epochs=3, batch=32)


def tiny():
    """Images of two classes that differ in brightness."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 320)
    pixels = rng.normal(labels[:, None, None, None], 0.5, (320, 1, 4, 4)).astype(np.float32)
    part = ArraySplit(pixels, labels, np.full(1, 0.5, np.float32), np.ones(1, np.float32))
    return Data("tiny", part, part, 2, shift=1)


def small_net():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.1), nn.Linear(16, 2)
    )


class Killed(Exception):
    pass


def run(net, training=SHORT, storage=None, errors_at=PlainErrors, **settings):
    memory = FaultyMemory(net, storage or Storage("int8"))
    return memory, train(net, tiny(), training, memory=memory, errors_at=errors_at, **settings)


def test_it_learns(learned, data):
    """Six epochs on 4000 glyphs: above 80 %, where chance is 10 %."""
    assert accuracy(learned, data.test).value > 0.8


@pytest.mark.parametrize("recalibrate", ["epoch", "start"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, recalibrate, optimizer):
    """Killed within the second epoch: parameters, statistics, ranges and history as if nothing had happened."""
    training = replace(SHORT, recalibrate=recalibrate, optimizer=optimizer, learning_rate=1e-2)
    settings = {"training": training, "curriculum": Curriculum(0.01, "spread"), "storage": Storage.best("int8")}
    whole = small_net()
    memory, history = run(whole, **settings)

    def kill(step):
        if step.done == 15:
            raise Killed

    broken, state = small_net(), tmp_path / "state.npz"
    with pytest.raises(Killed):
        run(broken, state=state, progress=kill, **settings)
    later = small_net()
    again, resumed = run(later, state=state, **settings)
    assert resumed == history
    assert again.tensors == memory.tensors
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), later.state_dict().values(), strict=True))
    done = small_net()
    steps = []
    assert run(done, state=state, progress=steps.append, **settings)[1] == history
    assert not steps
    assert torch.equal(done[0].weight, whole[0].weight)


def test_the_curriculum_is_followed():
    """The rates that errors are asked for, each once; the mean rate of each epoch; progress over all steps."""
    asked, steps = [], []

    def errors_at(rate):
        asked.append(rate)
        return PlainErrors(rate)

    _, history = run(
        small_net(), errors_at=errors_at, curriculum=Curriculum(0.02, epochs_per_step=1), progress=steps.append
    )
    assert asked == [0.01, 0.02]
    assert [x.rate for x in history] == pytest.approx([0, 0.01, 0.02])
    assert [(s.done, s.steps) for s in steps] == [(k, 30) for k in range(1, 31)]


def test_seeds():
    """The seed of a training decides it; torch's own generator has no say, and is left alone."""
    weights = []
    for seed in (0, 0, 1):
        net = small_net()
        torch.manual_seed(len(weights))
        before = torch.random.get_rng_state()
        train(net, tiny(), replace(SHORT, seed=seed))
        assert torch.equal(before, torch.random.get_rng_state())
        weights.append(net[0].weight.detach())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_frozen_norms():
    """Statistics of batch norms stay."""
    net = small_net()
    train(net, tiny(), replace(SHORT, batch_norm="frozen"))
    assert torch.equal(net[1].running_mean, torch.zeros(4))


def test_no_loss_on_reliable_memory():
    """A loss that is NaN without any errors ends the training at once."""
    with pytest.raises(InputError, match=r"loss of step 0 in epoch 0 is NaN or infinite.*lower learning_rate"):
        train(small_net(), tiny(), SHORT, loss=lambda output, labels: output.sum() * float("nan"))


def test_no_loss_under_errors():
    """Uncorrected floats at a high rate lose most steps: the training says so, and keeps the epochs before."""
    with pytest.raises(InputError, match=r"of 10 steps in epoch 0 is NaN.*correction of implausible values"):
        run(small_net(), storage=Storage("fp32", correction="none"), curriculum=Curriculum(0.05, "at_once"))


def test_states_of_other_trainings(tmp_path):
    """Other settings, another network, a damaged file, a file of something else."""
    state = tmp_path / "state.npz"
    run(small_net(), state=state)
    with pytest.raises(ConfigError, match="other settings: training.epochs was 3, is 4. Give"):
        run(small_net(), replace(SHORT, epochs=4), state=state)
    with pytest.raises(ConfigError, match="storage.precision was int8, is int4"):
        run(small_net(), storage=Storage("int4"), state=state)
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    with pytest.raises(
        InputError, match=r"do not fit Sequential: 0 of 2 tensors do. 1.weight: is \(4,\), expected \(2, 16\)"
    ):
        run(net, state=state)
    whole = state.read_bytes()
    state.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is damaged"):
        run(small_net(), state=state)
    np.savez(state, text=np.frombuffer(json.dumps({"a": 1}).encode(), np.uint8))
    with pytest.raises(InputError, match="not the state of a training"):
        run(small_net(), state=state)


def test_wrong_settings():
    """All problems in one go; more images per step than there are."""
    with pytest.raises(ConfigError) as caught:
        Training(epochs=0, learning_rate=0, optimizer="lion", gradient_clip=-1)
    assert len(caught.value.problems) == 4
    with pytest.raises(ConfigError, match="tiny has 320 training images"):
        train(small_net(), tiny(), Training(batch=1000))
    with pytest.raises(ConfigError, match="cannot be kept; train in float32"):
        from edensim.dnn.state import to_array

        to_array(torch.zeros(2, dtype=torch.bfloat16))
