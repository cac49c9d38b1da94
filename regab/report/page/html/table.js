// The table of variants: sorting, filtering, and the exact numbers of a row.
const commands = held("commands");
const tip = byId("tip");
const allRows = () => [...document.querySelectorAll("#forest tr.variant")];
const details = (row) => row.nextElementSibling;
const button = (row) => row.querySelector(".show");
const isOpen = (row) => button(row).getAttribute("aria-expanded") === "true";

function sortBy(head, column) {
  const order = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  document.querySelectorAll("#forest th").forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const key = (row) => row.dataset[column];
  const compared = (a, b) => {
    if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");  // nothing to sort by stands last
    const [x, y] = [Number(key(a)), Number(key(b))];
    return sign * (isNaN(x) || isNaN(y) ? key(a).localeCompare(key(b), "en", { numeric: true }) : x - y);
  };
  const pairs = allRows().map((row) => [row, details(row)]);
  pairs.sort((a, b) => compared(a[0], b[0])).forEach((pair) => document.querySelector("#forest tbody").append(...pair));
}

function filter() {
  const words = byId("filter").value.toLowerCase().split(/\s+/);
  const kind = byId("kind").value;
  const rows = allRows();
  let shown = 0;
  for (const row of rows) {
    const text = row.dataset.name.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word)) || (kind !== "all" && row.dataset.kind !== kind);
    details(row).hidden = row.hidden || !isOpen(row);
    shown += !row.hidden;
  }
  byId("count").textContent = shown < rows.length ? `${shown} of ${rows.length} variants` : "";
}

function toggleRow(row) {
  const exact = details(row).querySelector(".exact");
  if (!exact.dataset.whole) {
    if (commands[row.dataset.name]) exact.append(`\n\n${commands[row.dataset.name]}`);
    exact.dataset.whole = "yes";
  }
  button(row).setAttribute("aria-expanded", !isOpen(row));
  details(row).hidden = !isOpen(row);
  tip.hidden = true;
}

function showTip(row, event) {
  tip.hidden = !row || isOpen(row);
  if (tip.hidden) return;
  tip.replaceChildren(details(row).querySelector(".exact").cloneNode(true));
  const left = Math.min(event.pageX + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${event.pageY + 18}px`;
}

// The table is replaced when another metric is chosen: what listens is around it.
const rowOf = (event) => event.target.closest("#forest tr.variant");
byId("variants").addEventListener("click", (event) => {
  const head = event.target.closest("th[data-by]");
  if (head && event.target.closest("button")) sortBy(head, head.dataset.by);
  else if (rowOf(event)) toggleRow(rowOf(event));
});
byId("variants").addEventListener("mousemove", (event) => showTip(rowOf(event), event));
byId("variants").addEventListener("mouseleave", () => { tip.hidden = true; });
byId("filter").addEventListener("input", filter);
byId("kind").addEventListener("change", filter);
