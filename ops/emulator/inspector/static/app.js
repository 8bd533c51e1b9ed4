// What HTML cannot do by itself: copying, keys, and a list that can be paused. Without it the pages still work.
"use strict";
(() => {
  const $ = (selector) => document.querySelector(selector);
  const root = "/_inspector/";
  const words = document.body.dataset;

  // Copying: from the page, or from the server where the text is only good for some minutes.
  const put = async (text) => {
    if (navigator.clipboard) {
      try { return await navigator.clipboard.writeText(text); } catch { /* not allowed: the way below */ }
    }
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  for (const button of document.querySelectorAll("button.copy")) button.hidden = false;
  document.addEventListener("click", async (e) => {
    const button = e.target.closest("button.copy");
    if (!button) return;
    const shown = document.getElementById(button.dataset.copy);
    let text = shown ? shown.textContent : "";
    if (button.dataset.copyFrom) {
      try {
        const answer = await fetch(button.dataset.copyFrom);
        if (answer.ok && shown) shown.textContent = text = await answer.text();
      } catch { /* what is shown is better than nothing */ }
    }
    await put(text);
    button.focus();
    const was = button.dataset.was ?? (button.dataset.was = button.textContent);
    button.textContent = words.copied;
    setTimeout(() => { button.textContent = was; }, 1500);
  });

  // A choice that changes the page needs no second button.
  document.addEventListener("change", (e) => {
    if (e.target.matches("select[data-submit]")) e.target.form.requestSubmit();
  });

  // The live list. htmx asks once a second; what the page has already is said by its version.
  const live = $("#live"), pause = $("#pause"), pulse = $("#pulse");
  let paused = false, newest = 0, said = 0, focused = null;
  const read = () => Number($("#rows")?.dataset.newest ?? 0);
  const stop = (on) => {
    paused = on;
    if (!pause) return;
    pause.setAttribute("aria-pressed", String(on));
    pause.textContent = on ? pause.dataset.goOn : pause.dataset.pause;
    pulse.hidden = on;
  };
  if (live) {
    newest = read();
    if (pause) {
      pause.hidden = pulse.hidden = false;
      pause.addEventListener("click", () => stop(!paused));
    }
    const source = (e) => e.detail?.ctx?.sourceElement === live;
    document.addEventListener("htmx:config:request", (e) => {
      if (!source(e)) return;
      if (paused || document.hidden) return e.preventDefault();
      e.detail.ctx.request.headers["X-Version"] = $("#rows")?.dataset.version ?? "";
    });
    document.addEventListener("htmx:before:swap", (e) => {
      if (!source(e)) return;
      if (paused) return e.preventDefault(); // it was asked before the button was pressed
      focused = document.activeElement?.closest?.("#live tr")?.id ?? null;
    });
    document.addEventListener("htmx:after:swap", (e) => {
      if (!source(e)) return;
      const now = read();
      if (newest > 0 && now - newest < 50) {
        for (let n = newest + 1; n <= now; n++) document.getElementById("x" + n)?.classList.add("fresh");
      }
      // What had the focus may have left the page: the last row is nearest to it.
      if (focused && !document.activeElement?.closest?.("#live tr")) {
        const row = document.getElementById(focused) ?? $("#rows tbody tr:last-child");
        row?.querySelector(".call a")?.focus({ preventScroll: true });
      }
      // Told aloud at most every ten seconds.
      if (now > newest && Date.now() - said > 10000) {
        said = Date.now();
        $("#said").textContent = (now - newest) + " " + words.new;
      }
      newest = now;
    });
    const answered = (ok) => {
      if (!pulse) return;
      pulse.classList.toggle("off", !ok);
      pulse.dataset.live ??= pulse.textContent;
      pulse.textContent = ok ? pulse.dataset.live : words.lost;
    };
    document.addEventListener("htmx:after:request", (e) => { if (source(e)) answered(true); });
    document.addEventListener("htmx:error", (e) => { if (source(e)) answered(false); });
  }

  // Keys. Letters do nothing while one writes.
  const links = () => [...document.querySelectorAll("#rows .call a, .index .call a")];
  const step = (by) => {
    const all = links();
    if (!all.length) return false;
    const at = all.indexOf(document.activeElement?.closest?.("tr")?.querySelector(".call a"));
    const to = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
    to.focus();
    to.closest("tr").scrollIntoView({ block: "nearest" });
    return true;
  };
  let going = 0;
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    if (e.target.matches?.("input, textarea, select")) {
      if (e.key === "Escape") e.target.blur();
      return;
    }
    if (Date.now() - going < 1500) {
      going = 0;
      const to = $(`.top nav a[data-go="${CSS.escape(e.key)}"]`);
      if (to) { e.preventDefault(); location.assign(to.href); return; }
    }
    const hop = $(`a[data-key="${CSS.escape(e.key)}"]`);
    switch (e.key) {
      case "/": {
        e.preventDefault();
        const search = $("#search");
        if (search) { search.focus(); search.select(); } else location.assign(root);
        return;
      }
      case "j": case "k":
        if (step(e.key === "j" ? 1 : -1)) { e.preventDefault(); return; }
        break;
      case "p":
        if (pause) { e.preventDefault(); stop(!paused); return; }
        break;
      case "g": going = Date.now(); return;
      case "?": e.preventDefault(); location.assign(root + "help"); return;
    }
    if (hop) { e.preventDefault(); location.assign(hop.href); }
  });
})();
