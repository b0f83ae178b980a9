// The desk: dragging items, and a proof that follows every change. Everything here has a button or a form without it.
const desk = () => document.getElementById("desk");

function sortable() {
  for (const list of desk()?.querySelectorAll(".items") ?? []) {
    if (list.dataset.sorted || !window.Sortable) continue;
    list.dataset.sorted = "1";
    window.Sortable.create(list, { group: "items", handle: ".grip", animation: 120, dragClass: "drag", onEnd: place });
  }
}

function place(event) {
  if (event.from === event.to && event.oldIndex === event.newIndex) return;
  const form = event.item.querySelector("form.place");
  form.elements.section.value = event.to.dataset.section;
  form.elements.position.value = String(event.newIndex);
  form.requestSubmit();
}

function showProof() {
  const form = document.querySelector(".proof-form");
  const frame = document.getElementById("proof");
  if (!form || !frame) return;
  const wanted = new URLSearchParams(new FormData(form));
  const version = document.querySelector("#saved input[name=version]")?.value ?? "";
  wanted.set("v", version);
  const address = `${form.action}?${wanted}`;
  if (frame.dataset.shown !== address) {
    frame.dataset.shown = address;
    frame.src = address;
  }
}

// After a move by button the focus stays with the item, and where it is now is said.
let moved = null;
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  moved = button?.closest(".move") ? { item: button.closest("li").id, button: button.id } : null;
});

function tellMove() {
  const item = moved && document.getElementById(moved.item);
  if (!item) return;
  const places = [...item.parentElement.children];
  const told = document.getElementById("told");
  told.textContent = `${item.querySelector("h3").textContent}, now ${places.indexOf(item) + 1} of ${places.length}`;
  const button = document.getElementById(moved.button) ?? item.querySelector(".move button");
  button?.focus();
  moved = null;
}

document.addEventListener("change", (event) => {
  if (event.target.closest(".proof-form")) showProof();
});
document.addEventListener("htmx:after:swap", () => {
  sortable();
  showProof();
  tellMove();
});
window.addEventListener("DOMContentLoaded", sortable);
sortable();
