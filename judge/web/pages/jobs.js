"use strict";
// Follows the jobs that are not over, and shows how far they are.
(() => {
  const rows = new Map([...document.querySelectorAll("tr[data-job]")].map((row) => [row.dataset.job, row]));
  const live = () => [...rows.values()].some((row) => row.dataset.over === "no");
  const isList = rows.size !== 1 || location.pathname === "/";
  if (!live() && !isList) return;
  const lost = document.getElementById("lost");
  const badge = (word, kind) => {
    const found = document.createElement("span");
    found.className = `badge ${kind}`;
    found.textContent = word;
    return found;
  };
  const link = (words, href) => {
    const found = document.createElement("a");
    found.textContent = words;
    found.href = href;
    return found;
  };
  const show = (row, job) => {
    row.querySelector(".state").replaceChildren(badge(job.state, job.kind));
    row.querySelector(".done").textContent = `${job.done} of ${job.total || "?"}`;
    const bar = row.querySelector("progress");
    bar.max = job.total || 1;
    bar.value = job.done;
    if (job.over && row.dataset.over === "no" && job.run) {
      row.querySelector(".places").replaceChildren(
        link("report", `/v1/runs/${encodeURIComponent(job.run)}/report?format=html`),
        " · ",
        link("examples", `/runs/${encodeURIComponent(job.run)}/examples`),
      );
    }
    row.dataset.over = job.over ? "yes" : "no";
  };
  const events = new EventSource("/jobs/events");
  events.addEventListener("open", () => { lost.hidden = true; });
  events.addEventListener("error", () => {
    lost.textContent = "The connection to the server is lost; it is tried again.";
    lost.hidden = false;
  });
  events.addEventListener("job", (event) => {
    const job = JSON.parse(event.data);
    const row = rows.get(job.id);
    // A job nobody has seen yet, or the end of the only one: there is more to show than a number.
    const ended = row && row.dataset.over === "no" && job.over;
    if ((!row && isList && location.search === "") || (ended && !isList)) {
      events.close();
      location.reload();
      return;
    }
    if (row) show(row, job);
  });
  window.addEventListener("pagehide", () => events.close());
})();
