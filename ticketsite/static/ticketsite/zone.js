// Tells the server the zone of this browser, so that pages show its times; see browser_zone.

(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  const known = document.cookie.split("; ").includes(`ticketsite_zone=${zone}`);
  if (!zone || known) return;
  const secure = window.location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `ticketsite_zone=${zone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
})();
