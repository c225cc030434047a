// Copies the text of the element named in data-copy.

import { gettext } from "./i18n.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      button.textContent = gettext("Copied");
    } catch {
      // Without https the clipboard is closed: select the text, so that Ctrl-C is enough.
      window.getSelection().selectAllChildren(source);
      button.textContent = gettext("Press Ctrl-C");
    }
    setTimeout(() => {
      button.textContent = label;
    }, 2000);
  });
}
