// Pointer and keys on one plot: the cursor follows, a drag zooms, Escape goes back. A finger sets
// the cursor and still scrolls the page (touch-action in the stylesheet lets it).

const LEAST_DRAG_PX = 6;
const LEAP_S = 10;

function keys(view) {
  return {
    ArrowLeft: (event) => view.step(-1, event.shiftKey ? LEAP_S : 0),
    ArrowRight: (event) => view.step(1, event.shiftKey ? LEAP_S : 0),
    Home: () => view.point(view.window[0]),
    End: () => view.point(view.window[1]),
    "+": () => view.zoomBy(2),
    "=": () => view.zoomBy(2),
    "-": () => view.zoomBy(1 / 2),
    Escape: () => (view.range ? view.showAll() : view.point(null)),
  };
}

export function handle(element, plot, overlay, view) {
  const actions = keys(view);
  let dragFrom = null;
  const x = (event) => event.clientX - element.getBoundingClientRect().left;

  element.addEventListener("keydown", (event) => {
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action(event);
  });
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    view.point(plot.timeAt(x(event)));
    if (event.pointerType === "mouse") {
      dragFrom = x(event);
      element.setPointerCapture(event.pointerId);
    }
  });
  element.addEventListener("pointermove", (event) => {
    view.point(plot.timeAt(x(event)));
    if (dragFrom !== null) overlay.select(plot.inside(dragFrom), plot.inside(x(event)));
  });
  element.addEventListener("pointerup", (event) => {
    const from = dragFrom;
    dragFrom = null;
    overlay.select(0, 0);
    if (from === null || Math.abs(x(event) - from) < LEAST_DRAG_PX) return;
    const times = [plot.timeAt(from), plot.timeAt(x(event))].toSorted((a, b) => a - b);
    view.zoom(...times);
  });
  element.addEventListener("pointercancel", () => {
    dragFrom = null;
    overlay.select(0, 0);
  });
  element.addEventListener("pointerleave", (event) => {
    const sticks = event.pointerType !== "mouse" || element === document.activeElement;
    if (!sticks && dragFrom === null) view.point(null);
  });
}
