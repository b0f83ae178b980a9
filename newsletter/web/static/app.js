// What pages do beyond plain forms: tell screen readers what changed, count characters, keep focus after a move.
const told = document.getElementById("told");

document.addEventListener("input", (event) => {
  const field = event.target.closest("[data-counter]");
  if (!field) return;
  const counter = document.getElementById(field.dataset.counter);
  if (counter) counter.firstChild.textContent = String([...field.value.trim()].length);
});

document.addEventListener("htmx:after:swap", () => {
  const news = document.querySelector("[data-tell]");
  if (news && told && told.textContent !== news.dataset.tell) told.textContent = news.dataset.tell;
});

// Times are written in UTC; here they are shown in the reader's own zone, the written one stays as a title.
function localise(root) {
  for (const time of root.querySelectorAll("time[datetime*='T']:not([data-local])")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    time.title = time.textContent;
    time.dataset.local = "1";
    time.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  }
}
localise(document);
document.addEventListener("htmx:after:swap", () => localise(document));
