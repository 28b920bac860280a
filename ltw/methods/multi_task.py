"""Multi-task: a Y-shaped autoencoder that detects, segments what was forged and reconstructs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from ltw.methods.base import Logs, Method, require_finite, trainable
from ltw.models.autoencoders import MultiTaskDecoder, activation_loss, keep_half
from ltw.models.detector import DetectorNetwork
from ltw.palette import PURPLE
from ltw.sections import DetectorConfig
from ltw.types import Batch

ADAM = {"weight_decay": 5e-4, "eps": 1e-7}


class MultiTask(Method):
    """Nguyen et al. 2019, arXiv 1906.06876.

    The encoder, which is the detector, gives a latent h of maps for real and maps for fake faces.
    With x the normalised face, y its label, m its manipulation mask, a_c = mean |h_c|, and
    (S, R) = D(h, the other class's half zeroed) what the decoder makes of it::

        L_act = |a_fake - y| + |a_real - (1 - y)|
        L_seg = cross-entropy of softmax S against m, mean over pixels and faces with a known mask
        L_rec = (R - x)², mean over pixels
        L     = L_act + L_seg + L_rec

    P(fake) is the softmax of the activations, σ(a_fake - a_real). A batch without ``masks`` has
    no L_seg.

    Args:
        detector: images (K, 3, H, W) -> (logits (K,), latents (K, 128, H/16, W/16)).
        decoder: latents -> (segmentation logits (K, 2, H, W), reconstructions (K, 3, H, W)); it
            serves training and is not released.
    """

    title = "Multi-task"
    colour = PURPLE
    line = "--"
    needs_masks = True
    detector: DetectorNetwork

    def __init__(self, detector: DetectorNetwork, decoder: nn.Module, **options: Any) -> None:
        super().__init__(detector, **options)
        self.decoder = decoder

    @classmethod
    def build(cls, detector: DetectorConfig, sources: Sequence[str], options: Any) -> Self:
        """Make the paper's networks; of ``detector`` only the image's size is used."""
        encoder = DetectorNetwork("multi_task", image_size=detector.image_size)
        return cls(encoder, MultiTaskDecoder(), **dict(options))

    def backward(self, batch: Batch) -> Logs:
        """Fill ``.grad`` of both networks; logs: ``loss`` and the terms it is made of."""
        _, latent = self.detector(batch.images)
        segmentation, reconstruction = self.decoder(keep_half(latent, batch.labels))
        terms = {
            "activation_loss": activation_loss(latent, batch.labels).mean(),
            "reconstruction_loss": mse_loss(reconstruction, self.detector.normalize(batch.images)),
        }
        if batch.masks is not None and batch.has_mask is not None:
            terms["segmentation_loss"] = segmentation_loss(
                segmentation, batch.masks, batch.has_mask
            )
        loss = sum(terms.values(), start=latent.new_zeros(()))
        require_finite(loss, "the training loss", batch)
        self.fill_gradients(loss, trainable(self).values())
        return {"loss": loss.detach(), **{name: term.detach() for name, term in terms.items()}}

    def param_groups(self) -> list[dict[str, Any]]:
        """Return a group for each network, with the paper's weight decay and ε."""
        decoder = {"name": "decoder", "params": list(self.decoder.parameters())}
        return [{**group, **ADAM} for group in (*super().param_groups(), decoder)]


def segmentation_loss(logits: Tensor, masks: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy of logits (K, 2, H, W) against masks (K, H, W) of 0 and 1.

    The mean over pixels, then over the faces whose mask is ``known`` (K,); 0 where none is.
    """
    losses = cross_entropy(logits, masks.long(), reduction="none").mean((1, 2))
    return (losses * known).sum() / known.sum().clamp(min=1)
