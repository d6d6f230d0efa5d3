"use strict";
const tree = document.querySelector("[role=tree]");
const grid = document.querySelector(".bytes");
const items = [...tree.querySelectorAll("[role=treeitem]")];
const bytes = new Map();
for (const byte of grid.querySelectorAll("[data-f]")) {
  const field = byte.dataset.f;
  if (!bytes.has(field)) bytes.set(field, []);
  bytes.get(field).push(byte);
}
const itemOf = new Map(items.filter((item) => item.dataset.f).map((item) => [item.dataset.f, item]));
let current = items[0];

// All fields of an item: its own, and those below it.
function fieldsOf(item) {
  const below = [...item.querySelectorAll("[data-f]")].map((field) => field.dataset.f);
  return item.dataset.f ? [item.dataset.f, ...below] : below;
}

function mark(item, name, on) {
  for (const field of fieldsOf(item)) {
    for (const byte of bytes.get(field) ?? []) byte.classList.toggle(name, on);
  }
}

function select(item, focus) {
  if (!item) return;
  mark(current, "on", false);
  current.setAttribute("aria-selected", "false");
  current.tabIndex = -1;
  for (let above = item.parentElement.closest("[role=treeitem]"); above; above = above.parentElement.closest("[role=treeitem]")) {
    above.setAttribute("aria-expanded", "true");
  }
  current = item;
  current.setAttribute("aria-selected", "true");
  current.tabIndex = 0;
  mark(current, "on", true);
  const first = bytes.get(fieldsOf(current)[0])?.[0];
  if (first) {
    const box = grid.parentElement;
    const top = first.getBoundingClientRect().top - box.getBoundingClientRect().top;
    if (top < 0 || top > box.clientHeight - 20) box.scrollTop += top - box.clientHeight / 3;
  }
  if (focus) {
    current.focus({ preventScroll: true });
    current.querySelector(".line").scrollIntoView({ block: "nearest" });
  }
}

function visible() {
  return items.filter((item) => !item.parentElement.closest("[aria-expanded=false]"));
}

function move(by) {
  const shown = visible();
  select(shown[shown.indexOf(current) + by], true);
}

const keys = {
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  Home: () => select(visible()[0], true),
  End: () => select(visible().at(-1), true),
  ArrowRight: () => {
    if (current.getAttribute("aria-expanded") === "false") current.setAttribute("aria-expanded", "true");
    else if (current.hasAttribute("aria-expanded")) move(1);
  },
  ArrowLeft: () => {
    if (current.getAttribute("aria-expanded") === "true") current.setAttribute("aria-expanded", "false");
    else select(current.parentElement.closest("[role=treeitem]"), true);
  },
};

tree.addEventListener("keydown", (event) => {
  const action = keys[event.key];
  if (!action || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  action();
});
tree.addEventListener("click", (event) => {
  const item = event.target.closest("[role=treeitem]");
  if (!item) return;
  if (item === current && item.hasAttribute("aria-expanded")) {
    item.setAttribute("aria-expanded", String(item.getAttribute("aria-expanded") === "false"));
  }
  select(item, true);
});
tree.addEventListener("focusin", (event) => {
  const item = event.target.closest("[role=treeitem]");
  if (item && item !== current) select(item, false);
});
for (const [name, on] of [["mouseover", true], ["mouseout", false]]) {
  tree.addEventListener(name, (event) => {
    const item = event.target.closest("[role=treeitem]");
    if (item) mark(item, "lit", on);
  });
  grid.addEventListener(name, (event) => {
    const item = itemOf.get(event.target.dataset.f);
    if (!item) return;
    mark(item, "lit", on);
    item.querySelector(".line").classList.toggle("lit", on);
  });
}
grid.addEventListener("click", (event) => select(itemOf.get(event.target.dataset.f), true));
select(current, false);
