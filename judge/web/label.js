// One row at a time. Texts are only ever put in as text.
const at = (id) => document.getElementById(id);
const comment = at("comment");
const buttons = [...document.querySelectorAll("button.category")];
const labelled = []; // rows in the order they were labelled here, for undo
let row = null;
let shownAt = 0; // when the row was first seen, so that a rater's time is counted

async function ask(number, body) {
  const answer = await fetch(`${document.body.dataset.tasks}/${number}`, body && {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(`${body ? "Not kept: " : ""}${said.detail}`);
  return said;
}

function show(found) {
  row = found;
  shownAt = performance.now();
  for (const name of ["input", "against", "output"]) {
    at(name).textContent = row[name] || "(nothing)";
    at(name).scrollTop = 0;
  }
  comment.value = row.comment;
  for (const button of buttons) {
    button.setAttribute("aria-pressed", String(button.dataset.label === row.label));
  }
  at("skip").setAttribute("aria-pressed", String(row.skipped));
  at("bar").max = row.of;
  at("bar").value = row.done;
  const skips = row.skips ? `, ${row.skips} of them skipped` : "";
  at("progress").textContent = row.done === row.of
    ? `All ${row.of} are done${skips}. You can close this page.`
    : `Row ${row.place} of ${row.of}; ${row.done} done${skips}`;
}

let busy = false; // a second press while the first is on its way would label the row twice
async function guarded(work) {
  if (busy) return;
  busy = true;
  try {
    at("said").textContent = "";
    await work();
  } catch (error) {
    at("said").textContent = error.message;
    if (row !== null) row.more = true; // things are not as this page knew them: it may ask for another
  } finally {
    busy = false;
  }
}

const go = (number) => guarded(async () => {
  if (number !== null) show(await ask(number));
});

// A row that this rater had before, or else one that is given out now.
const following = (found) => found.after ?? (found.more ? "new" : null);

const keep = (said) => guarded(async () => {
  const seconds = (performance.now() - shownAt) / 1000;
  const replace = row.label !== "" || row.skipped;
  const kept = await ask(row.number, { comment: comment.value, seconds, replace, ...said });
  labelled.push(kept.number);
  show(kept);
  if (following(kept) !== null) show(await ask(following(kept)));
});

const skip = () => {
  if (comment.value.trim()) return keep({ skipped: true });
  at("said").textContent = "Say in a few words why you skip it, then skip again.";
  comment.focus();
};

const undo = () => guarded(async () => {
  if (!labelled.length) return;
  show(await ask(labelled.pop(), { label: "", comment: "", replace: true }));
});

for (const button of buttons) {
  button.addEventListener("click", () => keep({ label: button.dataset.label }));
}
at("skip").addEventListener("click", skip);
at("undo").addEventListener("click", undo);
at("next").addEventListener("click", () => go(following(row)));
at("back").addEventListener("click", () => go(row.before));
comment.addEventListener("keydown", (event) => {
  if (event.key === "Escape") comment.blur();
});
document.addEventListener("keydown", (event) => {
  if (row === null || event.target === comment || event.ctrlKey || event.metaKey || event.altKey) return;
  const chosen = buttons[Number(event.key) - 1];
  if (chosen) keep({ label: chosen.dataset.label });
  else if (event.key === "j") go(following(row));
  else if (event.key === "k") go(row.before);
  else if (event.key === "u") undo();
  else if (event.key === "s") skip();
  else return;
  event.preventDefault();
});
go(document.body.dataset.first);
