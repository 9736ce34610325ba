"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const root = document.documentElement;

  // Nodes are made, never parsed: no text can become markup.
  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== false && value !== undefined) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  };
  const drawn = (tag, attributes, ...children) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const unseen = (words) => make("span", { class: "unseen" }, words);

  // What cannot be printed is shown by its number, as in every other format of ours.
  const visible = (text) =>
    text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (mark) =>
      mark === "\n" || mark === "\t" ? mark : "\\u" + mark.codePointAt(0).toString(16).padStart(4, "0"),
    );

  // A name may go on in the next line where it has a dot or an underscore.
  const breakable = (name) =>
    visible(name).split(/(?<=[._])(?=.)/).flatMap((part, place) => (place ? [make("wbr"), part] : [part]));

  // Light and dark: the reader's system decides until the button does.
  const kept = {
    read: () => { try { return localStorage.getItem("judge-theme"); } catch { return null; } },
    write: (theme) => { try { localStorage.setItem("judge-theme", theme); } catch { /* a file may not */ } },
  };
  const themeButton = byId("theme");
  const isDark = () =>
    (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const nameTheme = () => { themeButton.textContent = isDark() ? "Light" : "Dark"; };
  if (["light", "dark"].includes(kept.read())) root.dataset.theme = kept.read();
  themeButton.hidden = false;
  themeButton.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    kept.write(root.dataset.theme);
    nameTheme();
  });
  nameTheme();

  // Tables: a click on a column's name sorts by it, the third click brings the old order back.
  const byText = new Intl.Collator(undefined, { numeric: true });
  const numberIn = (text) => {
    const found = /^[^\d[(]*?(-?[\d,]*\.?\d+)/.exec(text);
    return found ? Number(found[1].replaceAll(",", "")) : NaN;
  };
  const compare = (one, other, column, isName) => {
    const [a, b] = [one, other].map((row) => row.cells[column].textContent.trim());
    if (isName) return byText.compare(a, b);
    const [x, y] = [numberIn(a), numberIn(b)];
    if (Number.isNaN(x) && Number.isNaN(y)) return byText.compare(a, b);
    return x - y;
  };
  const lacks = (row, column, isName) => !isName && Number.isNaN(numberIn(row.cells[column].textContent.trim()));
  const sortable = (table) => {
    const body = table.tBodies[0];
    const before = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    if (before.length < 3) return;
    heads.forEach((head, column) => {
      if (head.classList.contains("plot") || !head.textContent.trim()) return;
      const numeric = head.classList.contains("number");
      const button = make("button", { type: "button", title: "sort by this column" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const next = { null: "ascending", ascending: "descending", descending: null }[now];
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        let rows = [...before];
        if (next !== null) {
          head.setAttribute("aria-sort", next);
          const turn = next === "ascending" ? 1 : -1;
          rows.sort((one, other) => {
            // A row without a number comes last, whichever way.
            const gap = numeric ? lacks(one, column, false) - lacks(other, column, false) : 0;
            return gap || turn * compare(one, other, column, !numeric);
          });
        }
        body.append(...rows);
      });
    });
  };
  document.querySelectorAll("main table:not(.as-it-is)").forEach(sortable);

  // Contents: the section in view is marked.
  const links = new Map([...document.querySelectorAll("#contents a")].map((a) => [a.hash.slice(1), a]));
  const seen = new Set();
  const watcher = new IntersectionObserver((entries) => {
    entries.forEach((entry) => seen[entry.isIntersecting ? "add" : "delete"](entry.target.id));
    const first = [...links.keys()].find((id) => seen.has(id));
    links.forEach((a, id) => (id === first ? a.setAttribute("aria-current", "true") : a.removeAttribute("aria-current")));
  }, { rootMargin: "-60px 0px -55% 0px" });
  links.forEach((_, id) => watcher.observe(byId(id)));

  // Word diff: what stands on one side only, in the order of the longest common sequence.
  const MOST_CELLS = 4_000_000;
  const WORDS = /\s+|[\p{L}\p{M}\p{N}]+(?:[.,:'’-][\p{L}\p{M}\p{N}]+)*|./gsu;
  const WORDS_OF_DATA = /\s+|"?[\p{L}\p{M}\p{N}_]+(?:[.,:'’@-][\p{L}\p{M}\p{N}_]+)*"?|./gsu;
  const blank = (word) => /^\s/.test(word);
  const inCommon = (left, right) => {
    const [keptLeft, keptRight] = [new Uint8Array(left.length), new Uint8Array(right.length)];
    let start = 0;
    let [leftEnd, rightEnd] = [left.length, right.length];
    const keep = (i, j) => { keptLeft[i] = 1; keptRight[j] = 1; };
    while (start < leftEnd && start < rightEnd && left[start] === right[start]) keep(start, start++);
    while (leftEnd > start && rightEnd > start && left[leftEnd - 1] === right[rightEnd - 1]) keep(--leftEnd, --rightEnd);
    const [rows, columns] = [leftEnd - start, rightEnd - start];
    if (rows * columns > MOST_CELLS) return { keptLeft, keptRight, ...byCount(left, right, start, leftEnd, rightEnd, keptLeft, keptRight) };
    const width = columns + 1;
    const length = new Uint16Array((rows + 1) * width);
    for (let i = rows - 1; i >= 0; i--) {
      for (let j = columns - 1; j >= 0; j--) {
        length[i * width + j] =
          left[start + i] === right[start + j]
            ? length[(i + 1) * width + j + 1] + 1
            : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
      }
    }
    for (let i = 0, j = 0; i < rows && j < columns; ) {
      if (left[start + i] === right[start + j]) keep(start + i++, start + j++);
      else if (length[(i + 1) * width + j] >= length[i * width + j + 1]) i++;
      else j++;
    }
    return { keptLeft, keptRight };
  };
  // Of texts too long for a table of all pairs: which words the other side has at all, and how often.
  const byCount = (left, right, start, leftEnd, rightEnd, keptLeft, keptRight) => {
    const counts = new Map();
    for (let j = start; j < rightEnd; j++) counts.set(right[j], (counts.get(right[j]) ?? 0) + 1);
    const spent = new Map();
    for (let i = start; i < leftEnd; i++) {
      const used = spent.get(left[i]) ?? 0;
      if (used < (counts.get(left[i]) ?? 0)) { keptLeft[i] = 1; spent.set(left[i], used + 1); }
    }
    for (let j = start; j < rightEnd; j++) {
      const left_over = spent.get(right[j]) ?? 0;
      if (left_over > 0) { keptRight[j] = 1; spent.set(right[j], left_over - 1); }
    }
    return { unordered: true };
  };
  const difference = (base, output, asData) => {
    const [left, right] = [base, output].map((text) => text.match(asData ? WORDS_OF_DATA : WORDS) ?? []);
    const placed = (all) => all.map((word, place) => (blank(word) ? -1 : place)).filter((place) => place >= 0);
    const [leftPlaces, rightPlaces] = [placed(left), placed(right)];
    const { keptLeft, keptRight, unordered } = inCommon(leftPlaces.map((p) => left[p]), rightPlaces.map((p) => right[p]));
    const only = (all, places, marks) => {
      const found = new Uint8Array(all.length);
      places.forEach((place, at) => { found[place] = marks[at] ? 0 : 1; });
      // The blanks between two words of a run belong to the run, but no line end does.
      for (let at = 1; at + 1 < all.length; at++) if (/^[^\S\n]+$/.test(all[at]) && found[at - 1] && found[at + 1]) found[at] = 2;
      return found;
    };
    const [leftOnly, rightOnly] = [only(left, leftPlaces, keptLeft), only(right, rightPlaces, keptRight)];
    const counted = (all, marks) => all.filter((word, at) => marks[at] === 1 && /[\p{L}\p{N}]/u.test(word));
    return { left, right, leftOnly, rightOnly, unordered, missing: counted(left, leftOnly), added: counted(right, rightOnly) };
  };
  const marked = (all, marks, tag, name) => {
    const parts = document.createDocumentFragment();
    for (let at = 0; at < all.length; ) {
      let end = at;
      while (end < all.length && Boolean(marks[end]) === Boolean(marks[at])) end++;
      const run = all.slice(at, end).join("");
      parts.append(marks[at] ? make(tag, {}, unseen(` [${name}: `), run, unseen("] ")) : run);
      at = end;
    }
    return parts;
  };

  // JSON is compared by content: keys sorted, laid out alike, numbers as they were written.
  const laidOut = (text) => {
    if (!/^\s*[[{]/.test(text)) return null;
    const ordered = (value) => {
      if (Array.isArray(value)) return value.map(ordered);
      if (value === null || typeof value !== "object" || JSON.isRawJSON?.(value)) return value;
      const sorted = Object.create(null);
      Object.keys(value).sort().forEach((key) => { sorted[key] = ordered(value[key]); });
      return sorted;
    };
    const asWritten = (_, value, context) =>
      typeof value === "number" && context?.source && JSON.rawJSON ? JSON.rawJSON(context.source) : value;
    try { return JSON.stringify(ordered(JSON.parse(text, asWritten)), null, 2); } catch { return null; }
  };

  const dataNode = byId("examples-data");
  if (!dataNode) return;
  const data = JSON.parse(dataNode.textContent);
  const whole = byId("whole").textContent;
  const PAGE = 25;
  const chosen = Object.fromEntries(["system", "slice", "metric", "show", "against"].map((name) => [name, byId("by-" + name)]));
  const find = byId("find");
  const list = byId("list");
  const more = byId("more");
  let found = [];
  let shown = 0;

  // A few measures stand in columns under their names; many stand one under the other.
  const MOST_COLUMNS = 7;
  const examples = byId("examples");
  examples.style.setProperty("--metrics", Math.min(data.metrics.length, MOST_COLUMNS));
  if (data.metrics.length > MOST_COLUMNS) examples.classList.add("many");
  list.before(make("div", { class: "names", "aria-hidden": "true" },
    ...["", "item", "system", ...data.metrics.map((metric) => metric.name)].map((name) => make("span", {}, ...breakable(name)))));

  const shared = data.records.length < data.total;
  byId("of-all").append(
    shared
      ? `${data.records.length.toLocaleString("en")} of ${data.total.toLocaleString("en")} records: the worst of each system and slice, and some drawn by chance. All of them: `
      : `All ${data.total.toLocaleString("en")} records, those most worth a look first. As a file: `,
    make("code", {}, whole),
  );

  const scoreText = (score) => score.label ?? score.value.toFixed(3);
  const matches = (record) => {
    const [itemAt, systemAt, output, scores] = record;
    const item = data.items[itemAt];
    if (chosen.system.value && data.systems[systemAt] !== chosen.system.value) return false;
    if (chosen.slice.value && !Object.entries(item.slices).some(([name, value]) => `${name}=${value}` === chosen.slice.value)) return false;
    const metric = chosen.metric.selectedIndex - 1;
    const held = metric < 0 ? scores : [scores[metric]];
    if (held.every((score) => score.outside !== undefined)) return false;
    if (chosen.show.value && !held.some((score) => score.reasons?.includes(chosen.show.value))) return false;
    const wanted = find.value.trim().toLowerCase();
    return !wanted || [item.id, item.input, output ?? "", ...item.references, ...scores.map((score) => score.why ?? "")].some((text) => text.toLowerCase().includes(wanted));
  };
  // A count of verdicts nobody has checked would be the very number that is withheld.
  const countIsWithheld = () => {
    if (["", "people", "missing"].includes(chosen.show.value)) return false;
    const metric = chosen.metric.selectedIndex - 1;
    return data.records.some(([, , , scores]) => (metric < 0 ? scores : [scores[metric]]).some((score) => score.untrusted));
  };
  const filter = () => {
    found = data.records.filter(matches);
    const metric = chosen.metric.selectedIndex - 1;
    if (metric >= 0) {
      const worth = (record) => record[3][metric].value ?? -Infinity;
      found.sort((one, other) => worth(one) - worth(other));
    }
    byId("count").textContent = found.length === 0
      ? "No example is like that."
      : countIsWithheld()
        ? "Not counted: the choice rests on verdicts of a judge that is not trusted."
        : `${found.length.toLocaleString("en")} ${found.length === 1 ? "example" : "examples"}`;
    list.replaceChildren();
    shown = 0;
    showMore();
  };
  const showMore = () => {
    list.append(...found.slice(shown, shown + PAGE).map(entry));
    shown = Math.min(shown + PAGE, found.length);
    more.hidden = shown >= found.length;
  };

  const marker = (place) =>
    drawn("svg", { class: `marker shade-${place % 8}`, width: 12, height: 12, "aria-hidden": "true" },
      drawn("use", { href: `#shape-${place % 8}`, x: 6, y: 6 }));
  const cell = (score, metric) => {
    const name = make("span", { class: "metric" }, visible(metric.name) + " ");
    if (score.outside !== undefined) return make("span", { class: "score" }, unseen(`${visible(metric.name)} `), make("span", { class: "quiet" }, "–"));
    if (score.fate) return make("span", { class: "score none" }, name, make("b", {}, "no score"));
    const low = score.reasons?.includes("low");
    const kind = `score${low ? " low" : ""}${score.untrusted ? " untrusted" : ""}`;
    return make("span", { class: kind }, name, make("b", {}, visible(scoreText(score))),
      low ? unseen(", low") : null, score.untrusted ? unseen(", by a judge that is not trusted") : null);
  };
  let numbered = 0;
  const entry = (record) => {
    const [itemAt, systemAt, , scores] = record;
    const item = data.items[itemAt];
    const panel = make("div", { class: "example", id: `example-${numbered++}`, hidden: true });
    const opener = make("button", { type: "button", class: "opener", "aria-expanded": "false", "aria-controls": panel.id },
      make("span", {}, make("bdi", { class: "value" }, visible(item.id))),
      make("span", {}, marker(systemAt), make("bdi", {}, visible(data.systems[systemAt]))),
      ...scores.map((score, at) => cell(score, data.metrics[at])));
    const open = () => { panel.replaceChildren(...detail(record)); panel.hidden = false; opener.setAttribute("aria-expanded", "true"); };
    const close = () => { panel.hidden = true; panel.replaceChildren(); opener.setAttribute("aria-expanded", "false"); };
    opener.addEventListener("click", () => (panel.hidden ? open() : close()));
    const row = make("li", {}, opener, panel);
    row.reopen = () => { if (!panel.hidden) open(); };
    return row;
  };

  const TEACHER = data.teacher === "teacher" ? "Teacher" : `Teacher (${visible(data.teacher)})`;
  const block = (title, body, ...notes) => make("div", {}, make("h3", {}, title), body, ...notes);
  const said = (content, kind = "") => make("pre", { class: `said ${kind}`, dir: "auto", tabindex: "0" }, content);
  const note = (words) => make("p", { class: "note" }, words);
  const asReceived = (text) => make("details", {}, make("summary", {}, "as it was received"), said(visible(text), "data"));
  const some = (all) => all.slice(0, 12).map(visible).join(", ") + (all.length > 12 ? ` and ${all.length - 12} more` : "");
  const summary = (diff, name) => {
    if (!diff.missing.length && !diff.added.length) return note(`The same words as ${name}.`);
    const numbers = (all) => all.filter((word) => /\p{N}/u.test(word));
    const [gone, come] = [numbers(diff.missing), numbers(diff.added)];
    const sides = [
      `${diff.missing.length} ${diff.missing.length === 1 ? "word" : "words"} only in ${name}`,
      `${diff.added.length} only in the output`,
    ];
    if (gone.length) sides.push(`numbers only in ${name}: ${some(gone)}`);
    if (come.length) sides.push(`numbers only in the output: ${some(come)}`);
    if (diff.unordered) sides.push("too long to compare in order: words are matched wherever they stand");
    return note(sides.join("; ") + ".");
  };
  const dataIn = (text) => laidOut(text) ?? laidOut(/[[{][^]*[\]}]/.exec(text)?.[0] ?? "");
  const closest = (output, bases) => {
    const compared = bases.map((base) => {
      const [one, other] = [dataIn(base), dataIn(output)];
      const asData = one !== null && other !== null;
      const diff = difference(visible(asData ? one : base), visible(asData ? other : output), asData);
      const partly = asData && (laidOut(base) === null || laidOut(output) === null);
      return { base, asData, partly, diff, size: diff.missing.length + diff.added.length };
    });
    return compared.reduce((best, one) => (one.size < best.size ? one : best));
  };
  const detail = (record) => {
    const [itemAt, systemAt, output, scores] = record;
    const item = data.items[itemAt];
    const teacher = data.systems[systemAt] === data.teacher ? undefined : item.teacher;
    const sides = { reference: item.references, teacher: teacher === undefined ? [] : [teacher] };
    const wanted = sides[chosen.against.value].length ? chosen.against.value : Object.keys(sides).find((side) => sides[side].length);
    const names = { reference: "the reference", teacher: "the teacher" };
    const texts = make("div", { class: "texts" });
    const plain = (title, text) => texts.append(block(title, said(visible(laidOut(text) ?? text), laidOut(text) === null ? "" : "data")));
    const outputTitle = `Output of ${visible(data.systems[systemAt])}`;
    if (output === null || wanted === undefined || !output.trim()) {
      item.references.forEach((text, at) => plain(item.references.length > 1 ? `Reference ${at + 1}` : "Reference", text));
      if (teacher !== undefined) plain(TEACHER, teacher);
      texts.append(block(outputTitle, said(output === null ? "there is none" : output.trim() ? visible(output) : "it is empty")));
    } else {
      const { base, asData, partly, diff } = closest(output, sides[wanted].slice(0, 8));
      const kind = asData ? "data" : "";
      const title = wanted === "teacher" ? TEACHER : item.references.length > 1 ? `Reference ${item.references.indexOf(base) + 1}, the closest` : "Reference";
      const compared = [
        block(title, said(marked(diff.left, diff.leftOnly, "del", "missing"), kind)),
        block(outputTitle, said(marked(diff.right, diff.rightOnly, "ins", "added"), kind), summary(diff, names[wanted]), partly ? note("There is more around the JSON, which alone is compared.") : null, asData ? asReceived(output) : null),
      ];
      texts.append(...compared);
      const others = item.references.filter((text) => wanted !== "reference" || text !== base);
      others.forEach((text) => plain(wanted === "reference" ? "Another reference" : "Reference", text));
      if (wanted !== "teacher" && teacher !== undefined) plain(TEACHER, teacher);
    }
    if (item.opponent !== undefined) plain("The other output of the pair", item.opponent);
    const slices = Object.entries(item.slices).map(([name, value]) => visible(`${name}=${value}`)).join(" · ");
    return [
      item.input ? block("Input", said(visible(item.input), "input")) : null,
      texts,
      scoreTable(scores),
      slices ? note(slices) : null,
    ].filter(Boolean);
  };
  const scoreTable = (scores) => {
    const rows = scores.map((score, at) => scoreRow(score, data.metrics[at]));
    const heads = ["measure", "score", "why"].map((name) => make("th", { scope: "col" }, name));
    return make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Scores" },
      make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows)));
  };
  const scoreRow = (score, metric) => {
    const name = make("th", { scope: "row" }, visible(metric.name));
    if (score.outside !== undefined) return make("tr", {}, name, make("td", { class: "quiet" }, "–"), make("td", { class: "quiet" }, visible(score.outside)));
    if (score.fate) return make("tr", {}, name, make("td", {}, make("span", { class: "badge doubt" }, visible(score.fate))), make("td", {}, make("div", { class: "reason" }, visible(score.why))));
    const value = make("td", {}, make("span", { class: "value" }, visible(scoreText(score))), score.label !== undefined ? make("span", { class: "quiet" }, ` ${Number(score.value.toFixed(3))}`) : null);
    if (score.untrusted) value.append(" ", make("span", { class: "badge doubt" }, "not trusted"));
    const why = make("td", {});
    if (score.why) why.append(make("div", { class: "reason", dir: "auto" }, visible(score.why)));
    if (score.people !== undefined) {
      const who = score.constructed ? "label, constructed by an author" : "people";
      const agrees = score.people === score.label;
      why.append(make("div", { class: agrees ? "note" : "note bad" }, `${who}: ${visible(score.people)}${agrees ? "" : " (not what the judge said)"}`));
    }
    if (score.flags) why.append(make("div", { class: "note" }, `flags: ${score.flags.map(visible).join(", ")}`));
    if (score.details) why.append(make("details", {}, make("summary", {}, "evidence"), said(visible(JSON.stringify(score.details, null, 1)), "data")));
    if (!why.childNodes.length) why.append(make("span", { class: "quiet" }, "–"));
    return make("tr", {}, name, value, why);
  };

  Object.values(chosen).forEach((select) => select.addEventListener("change", () => {
    if (select === chosen.against) [...list.children].forEach((row) => row.reopen());
    else filter();
  }));
  let waiting = 0;
  find.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => {
    const next = shown;
    showMore();
    list.children[next]?.querySelector(".opener").focus();
  });
  // In the list: j and k go on and back, as the arrows do.
  list.addEventListener("keydown", (event) => {
    const step = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.classList.contains("opener")) return;
    const openers = [...list.querySelectorAll(".opener")];
    openers[openers.indexOf(event.target) + step]?.focus();
    event.preventDefault();
  });
  filter();
  list.querySelector(".opener")?.click();
})();
