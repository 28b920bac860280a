"""ForensicTransfer: an autoencoder of high-pass residuals whose latent halves are the decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from torch import nn
from torch.nn.functional import l1_loss

from ltw.methods.base import Logs, Method, require_finite, trainable
from ltw.models.autoencoders import (
    ForensicTransferDecoder,
    activation_loss,
    keep_half,
    third_order_residual,
)
from ltw.models.detector import DetectorNetwork
from ltw.palette import GREEN
from ltw.sections import DetectorConfig
from ltw.types import Batch

RECONSTRUCTION_WEIGHT = 0.1


class ForensicTransfer(Method):
    """Cozzolino et al. 2018, arXiv 1812.02510.

    The encoder, which is the detector, gives a latent h of maps for real and maps for fake faces.
    With r the residual of a face, y its label, a_c = mean |h_c|, and D the decoder::

        L_act = |a_fake - y| + |a_real - (1 - y)|
        L_rec = |D(h, the other class's half zeroed) - r|, mean over pixels
        L     = L_act + 0.1 L_rec

    Fake where a_fake > a_real; P(fake) = σ(a_fake - a_real).

    Args:
        detector: images (K, 3, H, W) -> (logits (K,), latents (K, 128, H/16, W/16)).
        decoder: latents -> residuals (K, 6, H, W); it serves training and is not released.
    """

    title = "ForensicTransfer"
    colour = GREEN
    line = "--"

    def __init__(self, detector: nn.Module, decoder: nn.Module, **options: Any) -> None:
        super().__init__(detector, **options)
        self.decoder = decoder

    @classmethod
    def build(cls, detector: DetectorConfig, sources: Sequence[str], options: Any) -> Self:
        """Make the paper's networks; of ``detector`` only the image's size is used."""
        encoder = DetectorNetwork("forensic_transfer", image_size=detector.image_size)
        return cls(encoder, ForensicTransferDecoder(), **dict(options))

    def backward(self, batch: Batch) -> Logs:
        """Fill ``.grad`` of both networks; logs: ``loss`` and the two it is made of."""
        _, latent = self.detector(batch.images)
        activation = activation_loss(latent, batch.labels).mean()
        decoded = self.decoder(keep_half(latent, batch.labels))
        reconstruction = l1_loss(decoded, third_order_residual(batch.images))
        loss = activation + RECONSTRUCTION_WEIGHT * reconstruction
        require_finite(loss, "the training loss", batch)
        self.fill_gradients(loss, trainable(self).values())
        return {
            "loss": loss.detach(),
            "activation_loss": activation.detach(),
            "reconstruction_loss": reconstruction.detach(),
        }

    def param_groups(self) -> list[dict[str, Any]]:
        """Return a group for each network."""
        decoder = {"name": "decoder", "params": list(self.decoder.parameters())}
        return [*super().param_groups(), decoder]
