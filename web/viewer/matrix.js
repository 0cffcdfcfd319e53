// SPDX-License-Identifier: Apache-2.0
// Affine maps of the plane, [a, b, c, d, e, f] as a canvas takes them: x' = a x + c y + e, y' = b x + d y + f.

export const multiply = (m, n) => [
  m[0] * n[0] + m[2] * n[1], m[1] * n[0] + m[3] * n[1],
  m[0] * n[2] + m[2] * n[3], m[1] * n[2] + m[3] * n[3],
  m[0] * n[4] + m[2] * n[5] + m[4], m[1] * n[4] + m[3] * n[5] + m[5]];

export const apply = (m, [x, y]) => [m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5]];

export function invert(m) {
  const determinant = m[0] * m[3] - m[1] * m[2];
  return [m[3] / determinant, -m[1] / determinant, -m[2] / determinant, m[0] / determinant,
    (m[2] * m[5] - m[3] * m[4]) / determinant, (m[1] * m[4] - m[0] * m[5]) / determinant];
}

/**
 * From image coordinates to a view's pixels. `view` is {zoom, panX, panY, turn, flip}: view pixels per pixel column, view
 * pixels, quarter turns clockwise, left to right before turning. `aspect` is a pixel's height over its width.
 */
export function imageToView(view, image, width, height) {
  const quarter = [[1, 0, 0, 1], [0, 1, -1, 0], [-1, 0, 0, -1], [0, -1, 1, 0]][((view.turn % 4) + 4) % 4];
  const placed = [1, 0, 0, 1, width / 2 + view.panX, height / 2 + view.panY];
  const turned = [...quarter, 0, 0];
  const sized = [view.zoom * (view.flip ? -1 : 1), 0, 0, view.zoom * image.aspect, 0, 0];
  const centred = [1, 0, 0, 1, -image.columns / 2, -image.rows / 2];
  return multiply(multiply(placed, turned), multiply(sized, centred));
}

/** The zoom with which the whole image is just inside the view. */
export function fittingZoom(view, image, width, height) {
  const isTurned = view.turn % 2 !== 0;
  const wide = isTurned ? image.rows * image.aspect : image.columns;
  const high = isTurned ? image.columns : image.rows * image.aspect;
  return Math.max(Math.min(width / wide, height / high), 1e-3);
}
