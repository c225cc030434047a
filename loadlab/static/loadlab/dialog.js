// Buttons that open a dialog of the page, and buttons in it that close it. The browser keeps the
// focus inside an open dialog, closes it with Escape and gives the focus back to the opener.

export function wireDialogs() {
  for (const button of document.querySelectorAll("[data-opens]")) {
    const dialog = document.getElementById(button.dataset.opens);
    button.addEventListener("click", () => dialog.showModal());
  }
  for (const dialog of document.querySelectorAll("dialog.ts-dialog")) {
    for (const button of dialog.querySelectorAll("[data-closes]")) {
      button.addEventListener("click", () => dialog.close());
    }
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }
}
