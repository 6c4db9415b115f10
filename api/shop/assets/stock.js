// Keeps what is left of a show up to date, and what was chosen chosen.
const list = document.querySelector("[data-stock]");

async function refresh() {
  if (document.hidden || list.contains(document.activeElement)) return;
  const answer = await fetch(list.dataset.stock);
  if (!answer.ok) return;
  const chosen = Object.fromEntries([...list.querySelectorAll("select")].map((one) => [one.name, one.value]));
  list.innerHTML = await answer.text();
  for (const one of list.querySelectorAll("select")) {
    if ([...one.options].some((option) => option.value === chosen[one.name])) one.value = chosen[one.name];
  }
}

if (list) setInterval(refresh, 3000);
