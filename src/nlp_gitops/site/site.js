// The registry page: compares versions and searches events. Texts of the ledger become text nodes
// or are compared with addresses that may be followed; none is ever read as markup.
"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);
const STEP = 50;
const byId = id => document.getElementById(id);

function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.flat(Infinity).filter(child => child !== null && child !== ""));
  return made;
}

const text = value => el("bdi", {}, String(value ?? "–"));
const link = (address, label) => address ? el("a", {href: address}, text(label)) : text(label);
const onPage = name => versions.has(name) ? link("#" + name, name) : text(name);
const badge = (verdict, label) => verdict
  ? [el("span", {class: "badge " + String(verdict).toLowerCase()},
        String(verdict).replace("_", " ")), el("small", {}, text(label))] : "–";

function row(header, verdict, cells) {
  return el("tr", {role: "row", class: verdict},
    el("th", {scope: "row", role: "rowheader"}, cells[0]),
    cells.slice(1).map((cell, place) =>
      el("td", {role: "cell", "data-label": header[place + 1] ?? null}, cell)));
}

// Versions, one or two side by side.

const versions = new Map(DATA.versions);

function factsOf(name) {
  return new Map(versions.get(name).map(fact => {
    const [label, ...cells] = DATA.facts[fact];
    return [label, cells];
  }));
}

function options(select, empty) {
  select.append(...(empty ? [el("option", {value: ""}, empty)] : []),
    ...DATA.versions.map(([name]) => el("option", {value: name}, name)));
}

function difference([, before], [, after]) {
  if (typeof before !== "number" || typeof after !== "number" || before === after) return "";
  const change = after - before;
  return (change > 0 ? "+" : "−") + Number(Math.abs(change).toPrecision(3));
}

function compare() {
  const names = [byId("one").value, byId("other").value].filter(Boolean);
  const both = names.length === 2;
  const [ours, theirs] = names.map(factsOf);
  const onlyChanges = both && byId("changes").checked;
  const header = ["what", names[0], ...(both ? [names[1], "change"] : [])];
  const beside = both ? header : [];
  const labels = [...new Set([...ours.keys(), ...(theirs ?? new Map()).keys()])];
  const body = el("tbody", {role: "rowgroup"});
  let group = null, differ = 0;
  labels.sort((a, b) => DATA.labels[a][0] - DATA.labels[b][0] || a - b);
  for (const label of labels) {
    const cells = [ours, ...(both ? [theirs] : [])].map(rows => rows.get(label) ?? ["–"]);
    const changed = both && cells[0][0] !== cells[1][0];
    differ += changed;
    if (onlyChanges && !changed) continue;
    const [title, name] = DATA.labels[label];
    if (title !== group) {
      group = title;
      body.append(el("tr", {role: "row", class: "group"},
        el("th", {scope: "colgroup", role: "columnheader", colspan: header.length},
          DATA.groups[title])));
    }
    body.append(row(beside, changed && !onlyChanges ? "changed" : null, [text(name),
      ...cells.map(([shown, , address]) => link(address, shown)),
      ...(both ? [changed ? difference(cells[1], cells[0]) || "differs" : "same"] : [])]));
  }
  byId("compared").replaceChildren(
    el("thead", {role: "rowgroup"}, el("tr", {role: "row"}, header.map(name =>
      el("th", {scope: "col", role: "columnheader"}, text(name))))), body);
  byId("difference").textContent = both
    ? `${differ} of ${labels.length} facts differ; the change is from ${names[1]} to ${names[0]}.`
    : `${labels.length} facts of ${names[0]}.`;
}

function follow() {
  const [one, other] = decodeURIComponent(location.hash.slice(1)).split("..");
  if (!versions.has(one)) return;
  byId("one").value = one;
  byId("other").value = versions.has(other) ? other : "";
  compare();
  byId("part-versions").scrollIntoView();
  byId("versions-title").focus({preventScroll: true});
}

function choose() {
  compare();
  const names = [byId("one").value, byId("other").value].filter(Boolean);
  history.replaceState(null, "", "#" + names.join(".."));
}

// The time line.

const HEADER = ["when", "what", "who", "why", "made from", "evidence"];
const haystacks = DATA.events.map(event => event.join(" ").toLowerCase());
let found = DATA.events, shown = 0;

function eventRow(event) {
  const [seq, at, action, name, stage, previous, replaces, actor, reason, data, prompt, verdict,
    sha256, path, run] = event;
  const moved = stage ? ` ${previous ?? "new"} → ${stage}` : "";
  const report = sha256 ? String(sha256).slice(0, 7) : "";
  return row(HEADER, null, [
    [text(String(at).replace("T", " ").replace("Z", " UTC")), el("small", {}, "event ", String(seq))],
    [text(action), " ", onPage(name), text(moved),
      replaces ? el("small", {}, "replaces ", onPage(name.split("@")[0] + "@" + replaces)) : null],
    [text(actor), String(run ?? "").startsWith("https://")
      ? el("small", {}, link(run, "run of the workflow")) : null],
    text(reason || "–"),
    [text(data), el("small", {}, "prompt ", text(prompt))],
    [badge(verdict, report), DATA.blob && path
      ? el("small", {}, link(DATA.blob + path, "report of event " + seq)) : null]]);
}

function more() {
  const next = found.slice(shown, shown + STEP);
  byId("rows").append(...next.map(eventRow));
  shown += next.length;
  byId("more").hidden = shown >= found.length;
  byId("found").textContent = `${shown.toLocaleString("en")} of ` +
    `${found.length.toLocaleString("en")} events shown` +
    (found.length < DATA.events.length ? `, of ${DATA.events.length.toLocaleString("en")}.` : ".");
}

function search() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  found = DATA.events.filter((_, place) => words.every(word => haystacks[place].includes(word)));
  shown = 0;
  byId("rows").replaceChildren();
  more();
}

if (DATA.events.length) {
  search();
  byId("search").addEventListener("input", search);
  byId("more").addEventListener("click", more);
}
if (versions.size) {
  options(byId("one"));
  options(byId("other"), "nothing");
  for (const id of ["one", "other"]) byId(id).value = byId(id).dataset.first;
  for (const id of ["one", "other", "changes"]) byId(id).addEventListener("change", choose);
  addEventListener("hashchange", follow);
  compare();
  follow();
}
