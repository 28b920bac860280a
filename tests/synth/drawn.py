"""A drawn face on a busy background, for tests that need no person."""

import cv2
import numpy as np

SIZE = 200


def drawn_face(seed: int, shift: float = 0.0):
    """A textured oval with eyes, nose and mouth on a busy background, and its landmarks."""
    rng = np.random.default_rng(seed)
    image = cv2.GaussianBlur(rng.normal(120, 40, (SIZE, SIZE, 3)), (0, 0), 2)
    centre = np.array([100.0, 96.0]) + shift
    skin = rng.uniform(110, 200, 3) * [1.0, 0.8, 0.7]
    oval = np.zeros((SIZE, SIZE))
    cv2.ellipse(oval, tuple(int(c) for c in centre), (46, 64), 0, 0, 360, 1, -1)
    texture = cv2.GaussianBlur(rng.normal(0, 30, (SIZE, SIZE, 3)), (0, 0), 0.8)
    image = np.where(oval[..., None] > 0, skin + texture, image)
    landmarks = centre + np.array([[-21, -16], [21, -16], [0, 8], [-17, 30], [17, 31]])
    for x, y in landmarks[:2]:
        cv2.circle(image, (int(x), int(y)), 6, (250, 250, 250), -1)
        cv2.circle(image, (int(x), int(y)), 3, (40, 30, 30), -1)
    mouth = tuple(int(c) for c in landmarks[3:].mean(axis=0))
    cv2.ellipse(image, mouth, (17, 5), 0, 0, 360, (150, 60, 70), -1)
    return np.clip(image, 0, 255).astype(np.uint8), landmarks.astype(np.float32)
