// Makes what the theme offers to the mouse alone reachable by keyboard and named for a reader:
// the switches of the sidebar, the user menu, and the dialog of an action.

(() => {
  const { gettext } = globalThis;
  const CONTROLS = [
    ["[x-on\\:click^='sidebarDesktopOpen']", gettext("Show or hide the sidebar")],
    ["[x-on\\:click^='sidebarMobileOpen']", gettext("Open or close the menu")],
    ["[x-on\\:click^='openUserLinks']", gettext("User menu")],
    ["[x-on\\:click^='filterOpen']", gettext("Filters")],
    ["[x-on\\:click^='switchTheme']", ""],
    ["[x-on\\:click='openModal = false']", gettext("Close")],
  ];
  const FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, [tabindex='0']";

  function makeButtons(root) {
    for (const [selector, name] of CONTROLS) {
      for (const control of root.querySelectorAll(selector)) {
        if (control.matches("button, a[href]")) continue;
        control.setAttribute("role", "button");
        control.tabIndex = 0;
        if (name && !control.textContent.trim().includes(" ")) {
          control.setAttribute("aria-label", name);
        }
      }
    }
  }

  function pressLikeButton(event) {
    const control = event.target;
    if (!control.matches?.("[role=button]:not(button)")) return;
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    control.click();
  }

  function keepInside(dialog, event) {
    const stops = [...dialog.querySelectorAll(FOCUSABLE)].filter((one) => one.offsetParent);
    if (event.key !== "Tab" || !stops.length) return;
    const edge = event.shiftKey ? stops[0] : stops.at(-1);
    const outside = !dialog.contains(document.activeElement);
    if (document.activeElement !== edge && !outside) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0]).focus();
  }

  function guardDialog() {
    const dialog = document.getElementById("modal-content");
    if (!dialog) return;
    let opener = null;
    const isOpen = () => dialog.offsetParent !== null || dialog.getClientRects().length > 0;
    document.body.addEventListener("htmx:beforeRequest", (event) => {
      if (!dialog.contains(event.target)) opener = event.target;
    });
    document.body.addEventListener("htmx:afterSettle", (event) => {
      if (!dialog.contains(event.target)) return;
      const heading = dialog.querySelector("h1");
      if (heading) heading.id = "ts-dialog-title";
      dialog.setAttribute("role", "dialog");
      dialog.setAttribute("aria-modal", "true");
      dialog.setAttribute("aria-labelledby", "ts-dialog-title");
      makeButtons(dialog);
      const first = dialog.querySelector("input:not([type=hidden])") ?? dialog.querySelector("button");
      requestAnimationFrame(() => first?.focus());
    });
    document.addEventListener("keydown", (event) => isOpen() && keepInside(dialog, event));
    new MutationObserver(() => {
      if (isOpen() || !opener) return;
      opener.focus();
      opener = null;
    }).observe(dialog.parentElement, { attributes: true, attributeFilter: ["style"] });
  }

  // Django's own widgets make these while the page loads: a name needs a role.
  const nameTips = () => {
    for (const tip of document.querySelectorAll(".help-tooltip[aria-label]")) {
      tip.setAttribute("role", "img");
    }
  };
  window.addEventListener("load", () => setTimeout(nameTips)); // after all who listen too

  // Django names cells in lower case; the theme would capitalize Every Word.
  function nameCells() {
    for (const { dataset } of document.querySelectorAll("td[data-label], th[data-label]")) {
      dataset.label = dataset.label.trim().replace(/^./, (letter) => letter.toUpperCase());
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    nameCells();
    document.getElementById("main")?.setAttribute("role", "main");
    makeButtons(document);
    document.addEventListener("keydown", pressLikeButton);
    guardDialog();
  });
})();
