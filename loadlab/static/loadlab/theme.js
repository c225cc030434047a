// Colors for canvases come from the stylesheet, and are read again when the theme changes.

export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Diagonal lines, for what must not depend on its color alone. */
export function hatch(ink) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.strokeStyle = ink;
  pen.lineWidth = 2;
  for (const shift of [-8, 0, 8]) {
    pen.moveTo(shift - 1, 9);
    pen.lineTo(shift + 9, -1);
  }
  pen.stroke();
  return pen.createPattern(tile, "repeat");
}

export function onThemeChange(callback) {
  let dark = document.documentElement.classList.contains("dark");
  new MutationObserver(() => {
    const now = document.documentElement.classList.contains("dark");
    if (now === dark) return;
    dark = now;
    callback();
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
}
