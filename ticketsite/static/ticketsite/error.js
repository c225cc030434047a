// Day or night as the reader chose on the other pages, else as the system says.

const chosen = localStorage.getItem("adminTheme")?.replaceAll('"', "") ?? "auto";
const dark = chosen === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : chosen === "dark";
document.documentElement.classList.toggle("dark", dark);
