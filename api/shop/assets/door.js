// A gate: each scan has a nonce, so that one that is repeated after a lost answer gets the first answer.
const at = (id) => document.getElementById(id);
const sentences = Object.fromEntries([...document.querySelectorAll("[data-reason]")].map((one) => [one.dataset.reason, one.textContent]));
const KEPT = "gate";
const RETRY_MS = 1500;
const COUNT_MS = 4000;
let gate = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
let filming = null;

function show() {
  at("gate").hidden = gate !== null;
  at("scanning").hidden = gate === null;
  at("camera").hidden = !("BarcodeDetector" in window);
  if (gate) at("code").focus();
}

function tell(kind, verdict, detail = "") {
  at("verdict").className = kind;
  at("verdict").textContent = verdict;
  at("detail").textContent = detail;
}

const call = (path, options = {}) =>
  fetch(path, { ...options, headers: { Authorization: `Bearer ${gate.key}`, "Content-Type": "application/json" } });

async function check(code) {
  const scan = JSON.stringify({ nonce: crypto.randomUUID(), show_id: gate.show, gate: gate.name, ticket_code: code });
  for (;;) {
    try {
      const answer = await call("/api/v1/checkins", { method: "POST", body: scan });
      if (answer.status >= 500 || answer.status === 429) throw new Error(answer.statusText);
      const found = await answer.json();
      if (!answer.ok) return tell("bad", answer.status === 404 ? "No such ticket" : "Refused", found.detail);
      const earlier = found.first_at ? `at ${new Date(found.first_at).toLocaleTimeString()}, gate ${found.first_gate ?? "unknown"}` : "";
      tell(found.admitted ? "good" : "bad", sentences[found.reason] ?? found.reason, earlier);
      return count();
    } catch {
      tell("wait", "No answer yet", "The same scan is sent again by itself.");
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

async function count() {
  if (!gate) return;
  const answer = await call(`/api/v1/shows/${gate.show}/checkins`).catch(() => null);
  if (!answer?.ok) return;
  const found = await answer.json();
  at("count").textContent = found.entered;
  const gates = Map.groupBy ? Map.groupBy(found.entries, (one) => one.gate) : new Map();
  at("gates").replaceChildren(
    ...[...gates].map(([name, entries]) => {
      const line = document.createElement("li");
      line.textContent = `${name || "no gate"}: ${entries.reduce((sum, one) => sum + one.count, 0)}`;
      return line;
    }),
  );
}

async function film() {
  const video = at("film");
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  video.hidden = false;
  await video.play();
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  let last = "";
  filming = setInterval(async () => {
    const [found] = await detector.detect(video).catch(() => []);
    if (found && found.rawValue !== last) {
      last = found.rawValue;
      await check(last);
    }
  }, 300);
}

at("gate").addEventListener("submit", (event) => {
  event.preventDefault();
  gate = { key: at("key").value, show: at("show").value, name: at("name").value };
  sessionStorage.setItem(KEPT, JSON.stringify(gate));
  show();
  count();
});
at("scan").addEventListener("submit", async (event) => {
  event.preventDefault();
  const code = at("code").value.trim();
  at("code").value = "";
  await check(code);
  at("code").focus();
});
at("camera").addEventListener("click", () => film().catch((error) => tell("bad", "No camera", error.message)));
at("leave").addEventListener("click", () => {
  clearInterval(filming);
  at("film").srcObject?.getTracks().forEach((track) => track.stop());
  at("film").hidden = true;
  sessionStorage.removeItem(KEPT);
  gate = null;
  show();
});
show();
count();
setInterval(count, COUNT_MS);
