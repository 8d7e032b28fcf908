"""The moving average follows its formula, and gets statistics of its own."""

import torch

from deid.generators import dcgan
from deid.training import ema, networks


def test_the_average_follows_its_formula():
    average, network = torch.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2)
    torch.nn.init.constant_(average.weight, 4.0)
    torch.nn.init.constant_(network.weight, 8.0)
    network.running_mean += 3
    ema.update_average(average, network, 0.75)
    assert average.weight.tolist() == [5.0, 5.0]
    assert average.running_mean.tolist() == [3.0, 3.0]  # buffers are copied, not averaged
    ema.update_average(average, network, 0.0)
    assert average.weight.tolist() == [8.0, 8.0]


def test_averaged_weights_get_their_own_statistics():
    """After recalibration a batch in evaluation mode looks like one normalised by itself."""
    torch.manual_seed(0)
    G = dcgan.Generator()
    z = G.sample_z(128, torch.Generator().manual_seed(9))
    with torch.no_grad():
        own = G.train()(z)
        G.eval()
        norms = [layer for layer in G.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
        for layer in norms:
            layer.running_var.fill_(7.0)
        wrong = (G(z) - own).abs().mean()
        ema.recalibrate(G, batches=4)
        assert not G.training and {layer.momentum for layer in norms} == {0.1}
        assert (G(z) - own).abs().mean() < 0.05 * wrong


def test_a_one_pass_generator_gets_its_mean_person(short_onepass):
    torch.manual_seed(0)
    G, _, _ = networks.start(short_onepass)
    G.mapping.w_avg.fill_(5.0)
    ema.recalibrate(G, batches=2, batch=8, seed=3)
    with torch.no_grad():
        expected = G.mapping(G.sample_z(16, torch.Generator().manual_seed(3)))[:, 0].mean(0)
    assert not G.training and torch.equal(G.mapping.w_avg, expected)


def test_recalibration_leaves_a_stylegan2_as_it_is(short_stylegan2):
    G, _, _ = networks.start(short_stylegan2)
    before = {name: value.clone() for name, value in G.state_dict().items()}
    ema.recalibrate(G, batches=2, batch=8)
    assert not G.training and all(torch.equal(value, before[name]) for name, value in G.state_dict().items())
