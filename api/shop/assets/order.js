// Follows an order: each event of its stream replaces the part of the page that changes.
const section = document.getElementById("progress");
const base = new URL(section.dataset.part, location.href);

function countDown() {
  for (const element of section.querySelectorAll("[data-until]")) {
    const seconds = Math.max(0, Math.round((Date.parse(element.dataset.until) - Date.now()) / 1000));
    element.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

async function refresh() {
  const answer = await fetch(base, { headers: { Accept: "text/html" } });
  if (answer.ok) {
    const opened = [...section.querySelectorAll("details[open]")].map((one) => one.id);
    section.innerHTML = await answer.text();
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
    countDown();
  }
}

countDown();
setInterval(countDown, 1000);
const stream = new EventSource(section.dataset.events);
stream.addEventListener("purchase", refresh);
stream.addEventListener("end", refresh);
