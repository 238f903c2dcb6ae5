// What makes the pages live: keys, new failures as they come, copying. Every page works without it.
"use strict";
(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const say = (words) => { one("#said").textContent = words; };
  const root = document.documentElement;

  // The scheme of colours: the system's unless switched.
  try { const kept = localStorage.getItem("theme"); if (kept) root.dataset.theme = kept; } catch { /* storage is off */ }
  const theme = one("button.theme");
  if (theme) {
    theme.hidden = false;
    theme.addEventListener("click", () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* it holds for this page */ }
    });
  }

  // Times that stay true while the page is open.
  const ago = (s) => s < -60 ? "in the future" : s < 5 ? "just now" : s < 60 ? `${Math.floor(s)} s ago` : s < 3600 ? `${Math.floor(s / 60)} min ago`
    : s < 172800 ? `${Math.floor(s / 3600)} h ago` : `${Math.floor(s / 86400)} d ago`;
  setInterval(() => {
    for (const t of all("time.ago")) {
      const words = ago((Date.now() - Date.parse(t.dateTime)) / 1000);
      if (t.textContent !== words) t.textContent = words;
    }
  }, 5000);

  // Instants in UTC, or by the reader's clock; SVG and texts that are copied stay as they are.
  const zone = one("button.zone");
  const two = (n) => String(n).padStart(2, "0");
  const mine = (d) => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  let local = false;
  try { local = localStorage.getItem("zone") === "local"; } catch { /* storage is off */ }
  const times = (within) => {
    for (const t of all("time.when", within)) {
      t.dataset.utc ??= t.textContent;
      t.textContent = local ? mine(new Date(t.dateTime)) : t.dataset.utc;
    }
    if (within) return;
    one("span.zone").textContent = local ? `${Intl.DateTimeFormat().resolvedOptions().timeZone}, in plots UTC` : "UTC";
    zone.textContent = local ? "Show UTC" : "Show mine";
  };
  if (zone) {
    zone.hidden = false;
    zone.addEventListener("click", () => {
      local = !local;
      try { localStorage.setItem("zone", local ? "local" : "utc"); } catch { /* it holds for this page */ }
      times();
    });
    if (local) times();
  }

  // Choosing in a list shows it at once.
  document.addEventListener("change", (e) => { if (e.target.matches("[data-submits]")) e.target.form.requestSubmit(); });

  // Copying.
  const copied = async (button, text) => {
    try { await navigator.clipboard.writeText(text); } catch {
      const area = Object.assign(document.createElement("textarea"), { value: text });
      document.body.append(area); area.select(); document.execCommand("copy"); area.remove();
    }
    const before = button.textContent;
    button.textContent = "Copied"; say("Copied");
    setTimeout(() => { button.textContent = before; }, 1500);
  };
  document.addEventListener("click", async (e) => {
    const whole = e.target.closest("[data-copy]");
    if (whole) { e.preventDefault(); const r = await fetch(whole.dataset.copy); if (r.ok) copied(whole, await r.text()); }
    const text = e.target.closest("[data-copy-text]");
    if (text) copied(text, one("pre", text.parentElement).textContent);
  });

  // What was ticked off stays so in this browser.
  const tick = () => {
    for (const list of all("[data-checklist]")) {
      let done = [];
      try { done = JSON.parse(localStorage.getItem(`steps ${list.dataset.checklist}`) || "[]"); } catch { /* none */ }
      for (const box of all("input", list)) box.checked = done.includes(box.dataset.step);
    }
  };
  document.addEventListener("change", (e) => {
    const list = e.target.closest("[data-checklist]");
    if (!list) return;
    const done = all("input:checked", list).map((b) => b.dataset.step);
    try { localStorage.setItem(`steps ${list.dataset.checklist}`, JSON.stringify(done)); } catch { /* it holds for this page */ }
  });
  tick();

  // The list: rows are brought up to date in place; new ones come in where nobody is amid something.
  const rows = one("#rows");
  const news = one("button.news");
  const table = () => one("table.problems tbody", rows);
  const chosen = () => rows ? all("input[name=id]:checked", rows) : [];
  const amid = () => chosen().length > 0 || scrollY > 40 || one("tr.here", rows);
  const fetched = async (part) => {
    const url = new URL(location.href);
    url.searchParams.set("part", part);
    const r = await fetch(url, { credentials: "same-origin" });
    if (!r.ok || r.redirected) return null;
    const { body } = new DOMParser().parseFromString(await r.text(), "text/html");
    times(body);
    return body;
  };
  const refreshList = async (force) => {
    const fresh = await fetched("rows");
    if (!fresh) return;
    const mine = table();
    const theirs = one("tbody", fresh);
    if (!mine || !theirs || (force === true)) { rows.replaceChildren(...fresh.childNodes); if (news) news.hidden = true; return; }
    let unknown = 0;
    for (const row of all("tr", theirs)) {
      const known = one(`tr[data-problem="${CSS.escape(row.dataset.problem)}"]`, mine);
      if (!known) { unknown += 1; continue; }
      for (const cell of [".trend", ".count", ".seen", ".stand"]) {
        const [to, from] = [one(cell, known), one(cell, row)];
        if (to.innerHTML !== from.innerHTML) to.replaceChildren(...from.childNodes);
      }
    }
    if (unknown === 0) return;
    if (amid()) {
      news.textContent = unknown === 1 ? "1 new problem: show" : `${unknown} new problems: show`;
      news.hidden = false;
      return;
    }
    const before = new Set(all("tr", mine).map((r) => r.dataset.problem));
    rows.replaceChildren(...fresh.childNodes);
    for (const row of all("tbody tr", rows)) if (!before.has(row.dataset.problem)) {
      row.classList.add("fresh");
      setTimeout(() => row.classList.remove("fresh"), 3000);
    }
  };
  if (news) news.addEventListener("click", () => refreshList(true));

  // A problem: what changes by itself is put in place, unless somebody is in a field of it.
  const live = one("#live");
  const refreshLive = async () => {
    if (live.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")) return;
    const open = all("details[open]", live).length > 0;
    if (open || String(getSelection())) return;
    const fresh = await fetched("live");
    if (fresh) { live.replaceChildren(...fresh.childNodes); tick(); }
  };

  // The first event of a project.
  const waiting = one("#waiting");
  const refreshWaiting = async () => {
    if (!waiting || waiting.dataset.waiting === "true") return;
    const fresh = await fetched("waiting");
    if (fresh && one(".green", fresh)) { waiting.dataset.waiting = "true"; say("The first event came in."); }
    if (fresh) waiting.replaceChildren(...fresh.childNodes);
  };
  if (waiting && waiting.dataset.waiting !== "true") setInterval(refreshWaiting, 2000);

  // Told by the server; at most twice a second, and what comes meanwhile is in the next.
  const project = document.body.dataset.project;
  if (project && (rows || live || waiting) && "EventSource" in window) {
    let due = null;
    const soon = (work, words) => {
      if (words) say(words);
      if (due) return;
      due = setTimeout(() => { due = null; if (!document.hidden) work(); }, 500);
    };
    const stream = new EventSource(`/api/v1/stream?project=${encodeURIComponent(project)}`);
    const work = () => { if (rows) refreshList(); if (live) refreshLive(); refreshWaiting(); };
    stream.addEventListener("problem", (e) => {
      const told = JSON.parse(e.data);
      if (live && !rows && told.problem !== live.dataset.problem) return;
      soon(work, live ? "" : `Failing: ${told.title}`);
    });
    stream.addEventListener("lagged", () => soon(work));
    let broken = false;
    stream.addEventListener("error", () => { broken = true; });
    stream.addEventListener("open", () => { if (broken) { broken = false; soon(work); } });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) work(); });
    addEventListener("pagehide", () => stream.close());
  }

  // Choosing all.
  document.addEventListener("change", (e) => {
    if (e.target.matches("[data-all]")) for (const box of all("input[name=id]", rows)) box.checked = e.target.checked;
  });

  // Keys.
  const here = () => rows && one("tr.here", rows);
  const go = (by) => {
    const list = all("tbody tr[data-problem]", rows);
    if (!list.length) return;
    const at = list.indexOf(here());
    const next = list[Math.max(0, Math.min(list.length - 1, at + by))];
    here()?.classList.remove("here");
    next.classList.add("here");
    one("a.title", next).focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  const act = (what) => {
    if (rows) {
      if (!chosen().length && here()) one("input[name=id]", here()).checked = true;
      if (chosen().length) one(`button[name=do][value=${what}]`, rows).click();
    } else if (live) {
      one(`form[action$="/${what}"] button`, live)?.click();
    }
  };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches("input:not([type=checkbox]), select, textarea") || one("dialog[open]")) return;
    const keys = {
      j: () => go(1), k: () => go(-1),
      x: () => { const box = here() && one("input[name=id]", here()); if (box) box.checked = !box.checked; },
      e: () => act("resolve"), m: () => act("mute"),
      "/": () => one("input[type=search]")?.focus(),
      "?": () => one("dialog#keys")?.showModal(),
      u: () => { if (live) one(".crumbs a")?.click(); },
    };
    if (e.key === "Enter" && here() && e.target.matches("body, main, a.title")) { e.preventDefault(); one("a.title", here()).click(); return; }
    if (keys[e.key] && (rows || live || "/?".includes(e.key))) { e.preventDefault(); keys[e.key](); }
  });

  // Dropped logs.
  const form = one("form#explain");
  if (form) {
    const drop = one("label.drop", form);
    const file = one("input[type=file]", form);
    for (const kind of ["dragover", "dragleave", "drop"]) form.addEventListener(kind, (e) => {
      e.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop" && e.dataTransfer.files.length) { file.files = e.dataTransfer.files; form.requestSubmit(); }
    });
    form.addEventListener("submit", async (e) => {
      e.preventDefault();
      const busy = one(".busy", form);
      busy.hidden = false;
      one("button", form).disabled = true;
      try {
        const r = await fetch(form.action, { method: "POST", body: new FormData(form) });
        const fresh = new DOMParser().parseFromString(await r.text(), "text/html");
        const report = one("#report", fresh) || one("main", fresh);
        one("#report").replaceChildren(...report.childNodes);
        say(one("#report h2, #report h1, #report p")?.textContent || "");
        one("#report").scrollIntoView({ block: "start" });
      } catch (wrong) {
        const p = document.createElement("p");
        p.setAttribute("role", "alert");
        p.textContent = `The logs could not be sent: ${wrong.message}`;
        one("#report").replaceChildren(p);
      }
      busy.hidden = true;
      one("button", form).disabled = false;
    });
  }
})();
