// One row at a time. Texts are only ever put in as text.
const at = (id) => document.getElementById(id);
const comment = at("comment");
const buttons = [...document.querySelectorAll("button.category")];
const labelled = []; // rows in the order they were labelled here, for undo
let row = null;
let shownAt = 0;

async function ask(number, body) {
  const answer = await fetch(`/tasks/${number}`, body && {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
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
  at("bar").value = row.done;
  const skips = row.skips ? `, ${row.skips} of them skipped` : "";
  at("progress").textContent = row.done === row.of
    ? `All ${row.of} are done${skips}. You can close this page.`
    : `Row ${row.number + 1} of ${row.of}; ${row.done} done${skips}`;
}

async function guarded(work) {
  try {
    at("said").textContent = "";
    await work();
  } catch (error) {
    at("said").textContent = `Not kept: ${error.message}`;
  }
}

const go = (number) => guarded(async () => {
  if (number >= 0 && (row === null || number < row.of)) show(await ask(number));
});

const keep = (said) => guarded(async () => {
  const seconds = (performance.now() - shownAt) / 1000;
  const kept = await ask(row.number, { comment: comment.value, seconds, ...said });
  labelled.push(kept.number);
  if (kept.number + 1 < kept.of) show(await ask(kept.number + 1));
  else show(kept);
});

const skip = () => {
  if (comment.value.trim()) return keep({ skipped: true });
  at("said").textContent = "Say in a few words why you skip it, then skip again.";
  comment.focus();
};

const undo = () => guarded(async () => {
  if (!labelled.length) return;
  show(await ask(labelled.pop(), { label: "", comment: "" }));
});

for (const button of buttons) {
  button.addEventListener("click", () => keep({ label: button.dataset.label }));
}
at("skip").addEventListener("click", skip);
at("undo").addEventListener("click", undo);
at("next").addEventListener("click", () => go(row.number + 1));
at("back").addEventListener("click", () => go(row.number - 1));
comment.addEventListener("keydown", (event) => {
  if (event.key === "Escape") comment.blur();
});
document.addEventListener("keydown", (event) => {
  if (row === null || event.target === comment || event.ctrlKey || event.metaKey || event.altKey) return;
  const chosen = buttons[Number(event.key) - 1];
  if (chosen) keep({ label: chosen.dataset.label });
  else if (event.key === "j") go(row.number + 1);
  else if (event.key === "k") go(row.number - 1);
  else if (event.key === "u") undo();
  else if (event.key === "s") skip();
  else return;
  event.preventDefault();
});
go(Number(document.body.dataset.first));
