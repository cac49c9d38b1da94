// Everything by another metric: its verdicts were computed beforehand.
const views = held("views");
const metric = byId("metric");
const headline = metric.value;

function hideEmpty() {
  document.querySelectorAll("section [data-view]").forEach((part) => {
    if (part.tagName === "DIV") part.closest("section").hidden = !part.hasChildNodes();
  });
}

function show() {
  const view = views[metric.value];
  document.querySelectorAll("[data-view]").forEach((part) => { part.innerHTML = view[part.dataset.view]; });
  const name = (value) => [...metric.options].find((option) => option.value === value).text;
  const other = byId("other");
  other.hidden = metric.value === headline;
  other.textContent = `The 5 % of false verdicts are those of ${name(headline)}, which this report is about. ` +
    `Verdicts by ${name(metric.value)} are a second reading: whoever reads many metrics will find something in one.`;
  hideEmpty();
  filter();
  const series = [...byId("series").options].find((option) => option.value === metric.value);
  if (series) {
    byId("series").value = series.value;
    plot();
  }
}

byId("by").hidden = metric.options.length < 2;
metric.addEventListener("change", show);
hideEmpty();
