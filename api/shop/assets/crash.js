// Kills processes of the development stack, and shows which are back.
const panel = document.getElementById("stack");
const away = document.getElementById("stack-away");

async function refresh() {
  try {
    const answer = await fetch(panel.dataset.stack);
    if (!answer.ok) throw new Error(answer.statusText);
    const focused = document.activeElement?.dataset?.kill;
    panel.innerHTML = await answer.text();
    if (focused) panel.querySelector(`[data-kill="${focused}"]`)?.focus();
    away.textContent = "";
  } catch {
    away.textContent = "The API is away at the moment. Your order goes on without it.";
  }
}

panel.addEventListener("click", async (event) => {
  const path = event.target.dataset.kill;
  if (!path) return;
  await fetch(path, { method: "POST" }).catch(() => undefined);
  await refresh();
});

await refresh();
setInterval(refresh, 1000);
