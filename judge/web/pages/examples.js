"use strict";
// A choice is shown at once; j and k go from one example to the next, u back to all of them.
(() => {
  const form = document.getElementById("filters");
  if (form) {
    form.querySelectorAll("select").forEach((select) => select.addEventListener("change", () => form.requestSubmit()));
    // What is empty does not stand in the address.
    form.addEventListener("formdata", (event) => {
      for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
    });
  }
  const links = [...document.querySelectorAll("a.opener-link")];
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    const step = { j: 1, k: -1 }[event.key];
    if (step && links.length) {
      const at = links.indexOf(document.activeElement);
      const next = at < 0 ? 0 : at + step;
      if (links[next]) links[next].focus();
      else document.querySelector(`a[rel=${step > 0 ? "next" : "prev"}]`)?.focus();
    } else if (step) {
      document.querySelector(`a[rel=${step > 0 ? "next" : "prev"}]`)?.click();
    } else if (event.key === "u") {
      document.querySelector("a[rel=up]")?.click();
    } else return;
    event.preventDefault();
  });
})();
