// The page's script: opens findings, filters, searches, and switches between dark and light. The page can be read without.
(() => {
  "use strict";
  const root = document.documentElement, $ = id => document.getElementById(id);
  root.classList.add("js");

  // ---- dark and light
  const remember = (key, value) => {
    try { // a page opened from a file may have no storage
      if (value) localStorage.setItem(key, value);
      return localStorage.getItem(key);
    } catch { return null; }
  };
  const kept = remember("ravel-theme");
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  $("theme").addEventListener("click", () => {
    const now = root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    remember("ravel-theme", root.dataset.theme);
  });

  // ---- a finding's body is parsed when it is opened first
  const fill = finding => {
    const unparsed = finding.querySelector(":scope > .body > noscript");
    if (unparsed) unparsed.parentNode.innerHTML = unparsed.textContent;
  };
  document.addEventListener("toggle", event => {
    const finding = event.target;
    if (!finding.classList.contains("finding") || !finding.open) return;
    fill(finding);
  }, true);
  document.querySelectorAll(".finding[open]").forEach(fill);
  const showNamed = () => {
    const finding = location.hash.length > 1 && $(location.hash.slice(1));
    if (!finding || !finding.classList.contains("finding")) return;
    finding.hidden = false;
    finding.open = true;
    fill(finding);
    finding.scrollIntoView();
  };
  document.addEventListener("click", event => {
    const summary = event.target.closest(".finding > summary");
    if (summary) history.replaceState(null, "", "#" + summary.parentNode.id);
  });
  addEventListener("hashchange", showNamed);

  // ---- filters
  const rows = Array.from(document.querySelectorAll(".finding"), element => ({element, text: null}));
  const textOf = row => {
    const data = row.element.dataset;
    return row.text ??= [data.q, data.p, data.t, row.element.firstElementChild.textContent].join(" ").toLowerCase();
  };
  const chosen = name => new Set(Array.from(document.querySelectorAll(`input[name=${name}]:checked`), box => box.value));
  const picked = id => $(id) ? $(id).value : "";
  const holds = (list, value) => !value || list.split("\n").includes(value);
  const filter = () => {
    const words = $("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const states = chosen("s"), kinds = chosen("k"), program = picked("p"), test = picked("t");
    let shown = 0;
    for (const row of rows) {
      const data = row.element.dataset;
      const match = states.has(data.s) && kinds.has(data.k) && holds(data.p, program) && holds(data.t, test) &&
        words.every(word => textOf(row).includes(word));
      if (row.element.hidden === match) row.element.hidden = !match;
      shown += match;
    }
    $("shown").textContent = shown === rows.length ? `${shown} finding${shown === 1 ? "" : "s"}` : `${shown} of ${rows.length}`;
    $("none").hidden = shown > 0;
    label();
  };

  // ---- all at once, as many as a browser takes easily
  const MOST = 200;
  const visible = () => rows.filter(row => !row.element.hidden);
  const label = () => {
    const open = rows.some(row => row.element.open && !row.element.hidden), n = visible().length;
    $("toggle").textContent = open ? "Close all" : n > MOST ? `Open first ${MOST}` : "Open all";
  };
  const toggleAll = () => {
    const open = !visible().some(row => row.element.open);
    for (const row of open ? visible().slice(0, MOST) : visible()) {
      if (open) fill(row.element);
      row.element.open = open;
    }
    label();
  };

  // ---- keys: / searches, j and k go to the next and to the previous finding
  const step = by => {
    const list = visible(), at = list.findIndex(row => row.element.contains(document.activeElement));
    const next = list[at < 0 ? 0 : Math.min(Math.max(at + by, 0), list.length - 1)];
    if (next) next.element.firstElementChild.focus();
  };
  document.addEventListener("keydown", event => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
    if (event.key === "Escape" && event.target.id === "q") {
      event.target.value = "";
      filter();
    }
    if (typing || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "/") {
      event.preventDefault();
      $("q").focus();
    }
    if (event.key === "j") step(1);
    if (event.key === "k") step(-1);
  });

  if (rows.length) {
    document.querySelector(".tools").addEventListener("input", filter);
    document.querySelector(".tools").addEventListener("submit", event => event.preventDefault());
    document.addEventListener("toggle", label, true);
    $("toggle").addEventListener("click", toggleAll);
    $("clear").addEventListener("click", () => {
      document.querySelector(".tools").reset();
      filter();
      $("q").focus();
    });
    filter();
  }
  showNamed();
})();
