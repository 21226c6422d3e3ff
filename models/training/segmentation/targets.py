"""What a pixel's label says: one class, or only a set of classes that it may belong to.

No set of images has every class outlined. A pixel nobody outlined in Sudirman's images is no body and no sacrum but may
well be disc or canal; calling it background would teach a falsehood, leaving it out would teach nothing. So a pixel
carries a code, a code names a set of classes, and the loss is the likelihood of the set.
"""

import numpy as np
import torch
from torch.nn import functional as F

from . import BACKGROUND, BODY, CANAL, CLASSES, DISC, POSTERIOR, SACRUM

NOT_OUTLINED = 6  # known tissue, no body and no sacrum outlined here
NOT_SACRUM = 7  # above L1 in Sudirman's images: a thoracic vertebra that nobody outlined
MAYBE_SACRUM = 8  # under the last disc in SPIDER's images: S1, which nobody outlined
UNKNOWN = 9

SETS = {
    **{c: [c] for c in range(len(CLASSES))},
    NOT_OUTLINED: [BACKGROUND, POSTERIOR, DISC, CANAL],
    NOT_SACRUM: [BACKGROUND, BODY, POSTERIOR, DISC, CANAL],
    MAYBE_SACRUM: [BACKGROUND, SACRUM],
    UNKNOWN: list(range(len(CLASSES))),
}
CODES = len(SETS)

ALLOWED = np.zeros((CODES, len(CLASSES)), np.float32)
for code, classes in SETS.items():
    ALLOWED[code, classes] = 1
# Where a code settles whether a pixel is of the class or not.
SETTLED = np.where(np.arange(CODES)[:, None] < len(CLASSES), 1, 1 - ALLOWED).astype(np.float32)


def code_log_likelihood(logits):
    """log P(the pixel's class is in the code's set), for every code: [n, CODES, h, w]."""
    log_p = F.log_softmax(logits, 1)
    joined = [torch.logsumexp(log_p[:, SETS[c]], 1, keepdim=True) for c in (NOT_OUTLINED, NOT_SACRUM, MAYBE_SACRUM)]
    return torch.cat([log_p, *joined, torch.zeros_like(joined[0])], 1)


def loss(logits, soft_codes, dice_weight=0.3):
    """Cross-entropy with sets, and an overlap term that keeps small structures from being averaged away.

    `soft_codes` [n, CODES, h, w] holds the share of each pixel that carries each code: edges finer than a pixel.
    """
    likelihood = code_log_likelihood(logits)
    entropy = -(soft_codes * likelihood).sum(1).mean()
    p = likelihood[:, : len(CLASSES)].exp()
    settled = torch.einsum("nkhw,kc->nchw", soft_codes, torch.from_numpy(SETTLED))
    truth = soft_codes[:, : len(CLASSES)]
    over = (0, 2, 3)
    overlap = 2 * (p * truth).sum(over)
    size = (p * settled).sum(over) + truth.sum(over)
    present = truth.sum(over) > 50
    dice = 1 - (overlap + 1) / (size + 1)
    dice = dice[1:][present[1:]]
    return entropy + dice_weight * (dice.mean() if len(dice) else 0.0)
